using System.Diagnostics;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>The real kubectl, with a home of its own.</summary>
internal sealed class Kubectl(string binary, string kubeconfig, TempFolder home)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private string? _editor;

    /// <summary>The kubectl on the path; null where there is none.</summary>
    public static string? OnPath { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(folder => Path.Combine(folder, "kubectl")).FirstOrDefault(File.Exists);

    /// <summary>The kubectl of a real test control plane (1.20); null where KUBEBUILDER_ASSETS does not name it.</summary>
    public static string? Old { get; } =
        Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is { Length: > 0 } assets && File.Exists(Path.Combine(assets, "kubectl"))
            ? Path.Combine(assets, "kubectl")
            : null;

    /// <summary>Runs it; a failure is an exception with what it printed.</summary>
    public async Task<string> RunAsync(params string[] arguments)
    {
        var (code, output) = await TryAsync(null, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)} ended with {code}: {output}");
    }

    /// <summary>Runs it with a program in the place of a person's editor.</summary>
    public async Task<string> RunWithEditorAsync(string editor, params string[] arguments)
    {
        _editor = editor;
        try
        {
            return await RunAsync(arguments);
        }
        finally
        {
            _editor = null;
        }
    }

    /// <summary>Runs it with a manifest on its standard input.</summary>
    public async Task<string> RunWithInputAsync(string input, params string[] arguments)
    {
        var (code, output) = await TryAsync(input, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)} ended with {code}: {output}");
    }

    /// <summary>Runs it and gives its exit code and what it printed.</summary>
    public async Task<(int Code, string Output)> TryAsync(string? input, params string[] arguments)
    {
        using var process = Start(arguments);
        using var deadline = new CancellationTokenSource(s_limit);
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var error = process.StandardError.ReadToEndAsync(deadline.Token);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"kubectl {string.Join(' ', arguments)} did not end");
        }

        return (process.ExitCode, await output + await error);
    }

    /// <summary>Starts it, for commands that go on until they are stopped.</summary>
    public Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(binary, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KUBECONFIG"] = kubeconfig;
        start.Environment["HOME"] = home.Path;
        start.Environment["KUBE_EDITOR"] = _editor;
        return Process.Start(start) ?? throw new InvalidOperationException("kubectl did not start");
    }
}
