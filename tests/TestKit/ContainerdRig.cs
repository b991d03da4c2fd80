using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace EdgeSync.TestKit;

/// <summary>
/// A containerd of the tests' own: socket, state, content and network in a temporary folder, images made on the spot.
/// It can be stopped, started, and put through what a reboot does to it. Everything it started ends with it.
/// </summary>
public sealed class ContainerdRig : IAsyncDisposable
{
    /// <summary>busybox; runs <c>sh</c> by default.</summary>
    public const string BusyboxImage = "localhost/edgesync/busybox:1";

    /// <summary>The same content under another name and digest.</summary>
    public const string OtherImage = "localhost/edgesync/busybox:2";

    private const string PauseImage = "localhost/edgesync/pause:1";
    private const string CniFolder = "/usr/lib/cni";

    private static readonly string[] s_programs = ["containerd", "containerd-shim-runc-v2", "ctr", "runc", "busybox"];

    private readonly TempFolder _folder = new();
    private readonly string _bridge = "es" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
    private readonly ContainerdProcesses _processes;
    private Process? _containerd;

    private ContainerdRig() => _processes = new ContainerdProcesses(SocketPath);

    /// <summary>For <c>containerRuntimeEndpoint</c>.</summary>
    public string Endpoint => "unix://" + SocketPath;

    public string SocketPath => _folder.File("run.sock");

    /// <summary>What containerd said, for a failing test.</summary>
    public string LogFile => _folder.File("containerd.log");

    /// <summary>Whether pods can have a network of their own.</summary>
    public static bool HasPodNetwork => File.Exists(Path.Combine(CniFolder, "bridge"));

    private string StateFolder => _folder.File("state");

    /// <summary>Why no containerd can be run here; null where one can.</summary>
    public static string? WhyNot()
    {
        if (Environment.UserName != "root")
        {
            return "containerd needs root";
        }

        var missing = s_programs.FirstOrDefault(p => Find(p) is null);
        return missing is null ? null : $"{missing} is not installed";
    }

    public static async Task<ContainerdRig> StartAsync()
    {
        var rig = new ContainerdRig();
        await rig.WriteConfigurationAsync();
        await rig.StartRuntimeAsync();
        await rig.MakeImageAsync(PauseImage, "sleep", "2147483647");
        await rig.MakeImageAsync(BusyboxImage, "sh");
        await rig.MakeImageAsync(OtherImage, "sh", "-c", "sleep 1000");
        return rig;
    }

    /// <summary>Starts containerd and waits until it answers.</summary>
    public async Task StartRuntimeAsync()
    {
        var log = new FileStream(LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        _containerd = Process.Start(new ProcessStartInfo(Find("containerd")!, ["--config", _folder.File("config.toml")])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["PATH"] = SearchPath },
        })!;
        _containerd.ErrorDataReceived += (_, line) => Append(log, line.Data);
        _containerd.OutputDataReceived += (_, line) => Append(log, line.Data);
        _containerd.BeginErrorReadLine();
        _containerd.BeginOutputReadLine();
        await Eventually.HoldsAsync(
            "containerd answers",
            async () => (await CtrAsync("-n", "k8s.io", "plugins", "ls")).Contains("cri", StringComparison.Ordinal));
    }

    /// <summary>Ends containerd alone; containers and their shims go on.</summary>
    public async Task StopRuntimeAsync()
    {
        if (_containerd is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
            _containerd = null;
        }

        File.Delete(SocketPath);
    }

    /// <summary>What a power cut leaves: no process, no mount, no state that lives in memory; the disk as it was.</summary>
    public async Task RebootAsync(params string[] alsoUnmountUnder)
    {
        await PowerOffAsync(alsoUnmountUnder);
        await StartRuntimeAsync();
    }

    /// <summary>Runs <c>ctr</c> on this containerd and gives what it wrote.</summary>
    public Task<string> CtrAsync(params string[] arguments) => RunAsync("ctr", ["-a", SocketPath, .. arguments]);

    /// <summary>Ends the processes of one container from outside, as a crash would.</summary>
    public Task KillContainerAsync(string id) => CtrAsync("-n", "k8s.io", "task", "kill", "-s", "SIGKILL", id);

    /// <summary>Ends what runs, and unmounts what a kubelet has mounted under its folder.</summary>
    public Task UnmountAsync(string folder) => PowerOffAsync([folder]);

    public async ValueTask DisposeAsync()
    {
        await PowerOffAsync([]);
        _processes.RemoveControlGroups();
        if (Directory.Exists("/sys/class/net/" + _bridge))
        {
            await RunAsync("ip", ["link", "del", _bridge]);
        }

        _folder.Dispose();
    }

    private static string SearchPath => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static string? Find(string program) =>
        SearchPath.Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static void Append(FileStream log, string? line)
    {
        lock (log)
        {
            log.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
            log.Flush();
        }
    }

    private static async Task<string> RunAsync(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Find(program) ?? program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PATH"] = SearchPath },
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await error}");
    }

    private async Task PowerOffAsync(string[] alsoUnmountUnder)
    {
        _processes.NoteContainers();
        await StopRuntimeAsync();
        do
        {
            // a shim that was being started outlives the containerd that started it, and is seen later
            await _processes.KillAllAsync();
            _processes.NoteContainers();
        }
        while (_processes.AnyNoted);
        foreach (var folder in (string[])[_folder.Path, .. alsoUnmountUnder])
        {
            await UnmountUnderAsync(folder);
        }

        if (Directory.Exists(StateFolder))
        {
            Directory.Delete(StateFolder, recursive: true);
        }
    }

    /// <summary>Takes away what is mounted below the folder, in use or not.</summary>
    internal static async Task UnmountUnderAsync(string folder)
    {
        var mounts = (await File.ReadAllLinesAsync("/proc/self/mounts"))
            .Select(line => line.Split(' ')[1])
            .Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal))
            .Reverse();
        foreach (var path in mounts)
        {
            await RunAsync("umount", ["-l", path]);
        }
    }

    private async Task MakeImageAsync(string name, params string[] command)
    {
        var archive = _folder.File("image.tar");
        var script = Path.Combine(AppContext.BaseDirectory, "images", "make-image.sh");
        await RunAsync("sh", [script, name, archive, .. command.SelectMany(word => (string[])["--cmd", word])]);
        await CtrAsync("-n", "k8s.io", "images", "import", archive);
        File.Delete(archive);
    }

    private async Task WriteConfigurationAsync()
    {
        var cni = Directory.CreateDirectory(_folder.File("cni")).FullName;
        await File.WriteAllTextAsync(_folder.File("config.toml"), $"""
            version = 2
            root = "{_folder.File("root")}"
            state = "{StateFolder}"
            disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.tracing.processor.v1.otlp"]
            [grpc]
            address = "{SocketPath}"
            [plugins."io.containerd.grpc.v1.cri"]
            sandbox_image = "{PauseImage}"
            restrict_oom_score_adj = true
            netns_mounts_under_state_dir = true
            disable_tcp_service = true
            stream_server_port = "0"
            [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "overlayfs"
            [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "{CniFolder}"
            conf_dir = "{cni}"
            """);
        var subnet = string.Create(CultureInfo.InvariantCulture, $"10.{RandomNumberGenerator.GetInt32(64, 250)}.{RandomNumberGenerator.GetInt32(1, 250)}.0/24");
        await File.WriteAllTextAsync(Path.Combine(cni, "10-test.conflist"), $$"""
            {"cniVersion":"0.4.0","name":"{{_bridge}}","plugins":[
              {"type":"bridge","bridge":"{{_bridge}}","isGateway":true,"ipMasq":false,
               "ipam":{"type":"host-local","dataDir":"{{_folder.File("ipam")}}","ranges":[[{"subnet":"{{subnet}}"}]],"routes":[{"dst":"0.0.0.0/0"}]} },
              {"type":"portmap","capabilities":{"portMappings":true} }]}
            """);
    }
}
