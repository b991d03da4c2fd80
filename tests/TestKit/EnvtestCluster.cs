using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace EdgeSync.TestKit;

/// <summary>
/// A real etcd and kube-apiserver on loopback, without controllers and scheduler where not asked for. The binaries come from
/// KUBEBUILDER_ASSETS, the scripts up.sh and down.sh from the folder that EDGESYNC_ENVTEST names
/// (<c>../shared/envtest</c> beside the repository where it is unset). Without them it stays empty: its tests are
/// <see cref="EnvtestFactAttribute"/>s, which skip.
/// </summary>
public sealed class EnvtestCluster : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan s_commandTimeout = TimeSpan.FromSeconds(150);

    private readonly TempFolder _folder = new();
    private readonly bool _controllers;
    private readonly Dictionary<string, string> _arguments = [];
    private readonly int _port = FreePort.Next(5);

    public EnvtestCluster()
    {
    }

    private EnvtestCluster(bool controllers) => _controllers = controllers;

    /// <summary>One with controller manager and scheduler, not started: all that a cluster's control plane has.</summary>
    /// <param name="managerArguments">Further arguments of the controller manager, with blanks between them.</param>
    /// <param name="schedulerArguments">Further arguments of the scheduler.</param>
    public static EnvtestCluster WithControllers(string managerArguments = "", string schedulerArguments = "") => new(controllers: true)
    {
        _arguments = { ["EXTRA_CM_ARGS"] = managerArguments, ["EXTRA_SCHED_ARGS"] = schedulerArguments },
    };

    /// <summary>Why the cluster cannot run here; null where it can.</summary>
    public static string? MissingReason
    {
        get
        {
            if (Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is not { Length: > 0 } assets)
            {
                return "KUBEBUILDER_ASSETS is not set (a folder with kube-apiserver and kubectl)";
            }

            return !File.Exists(Path.Combine(assets, "kube-apiserver")) ? $"no kube-apiserver in {assets}"
                : Scripts is null ? "no up.sh: EDGESYNC_ENVTEST is not set and ../shared/envtest is not there"
                : null;
        }
    }

    /// <summary>The administrator's kubeconfig.</summary>
    public string Kubeconfig => Path.Combine(Data, "admin.kubeconfig");

    /// <summary>The process ids of all programs of the cluster that run.</summary>
    public IReadOnlyList<int> Pids =>
        [.. Directory.EnumerateFiles(Path.Combine(Data, "run"), "*.pid").Select(file => int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture))];

    private static string? Scripts { get; } = FindScripts();

    private string Data => _folder.File("envtest");

    public Task InitializeAsync() => MissingReason is null ? StartAsync() : Task.CompletedTask;

    public Task DisposeAsync() => MissingReason is null ? StopAsync() : Task.CompletedTask;

    public void Dispose() => _folder.Dispose();

    /// <summary>Starts the cluster, on the data that an earlier start left.</summary>
    public Task StartAsync() => RunAsync("up.sh", ["-d", Data, "-p", $"{_port}", .. _controllers ? [] : (string[])["--no-cm", "--no-sched"]]);

    /// <summary>Stops API server and etcd; their data stays until <see cref="Dispose"/>.</summary>
    public Task StopAsync() => RunAsync("down.sh", [Data]);

    /// <summary>While stopped: the next start begins with an empty store.</summary>
    public void WipeStore()
    {
        Directory.Delete(Path.Combine(Data, "etcd"), recursive: true);
    }

    private async Task RunAsync(string script, string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Scripts!, script), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in _arguments)
        {
            start.Environment[variable] = value;
        }

        if (!_controllers)
        {
            // without a controller manager no service accounts are made, and this plugin would refuse every pod
            start.Environment["EXTRA_APISERVER_ARGS"] = "--disable-admission-plugins=ServiceAccount";
        }
        else
        {
            // what is on by default today; and as many requests as several tests at once cause
            start.Environment["EXTRA_APISERVER_ARGS"] = "--feature-gates=TTLAfterFinished=true";
            start.Environment["EXTRA_CM_ARGS"] = "--feature-gates=TTLAfterFinished=true --kube-api-qps=200 --kube-api-burst=300";
        }

        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(s_commandTimeout);
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var errors = await process.StandardError.ReadToEndAsync(deadline.Token);
        await process.WaitForExitAsync(deadline.Token);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{script} exited with {process.ExitCode}: {await output} {errors}");
        }
    }

    private static string? FindScripts()
    {
        if (Environment.GetEnvironmentVariable("EDGESYNC_ENVTEST") is { Length: > 0 } named)
        {
            return File.Exists(Path.Combine(named, "up.sh")) ? named : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var scripts = Path.Combine(folder.FullName, "shared", "envtest");
            if (File.Exists(Path.Combine(scripts, "up.sh")))
            {
                return scripts;
            }
        }

        return null;
    }
}

/// <summary>A test against a real kube-apiserver; skipped, saying so, where there is none.</summary>
public sealed class EnvtestFactAttribute : FactAttribute
{
    public EnvtestFactAttribute() => Skip = EnvtestCluster.MissingReason;
}

/// <inheritdoc cref="EnvtestFactAttribute"/>
public sealed class EnvtestTheoryAttribute : TheoryAttribute
{
    public EnvtestTheoryAttribute() => Skip = EnvtestCluster.MissingReason;
}
