using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>
/// What kubectl does with the streams of a pod, whatever lies between it and the pod: the pod is <see cref="Manifest"/>, the rest is
/// the test's. Each check ends what it starts.
/// </summary>
/// <param name="kubeconfig">The API server.</param>
/// <param name="version">Which kubectl: <c>new</c> or <c>old</c> (<see cref="StreamWorld.OldKubectl"/>).</param>
internal sealed class PodStreamChecks(string kubeconfig, string version)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>The kubectls of this machine.</summary>
    public static string[] Versions => StreamWorld.OldKubectl is null ? ["new"] : ["new", "old"];

    /// <summary>Pod <c>app</c>: <c>main</c> says three lines and then counts, <c>web</c> serves port 8080, <c>shell</c> has a terminal.</summary>
    public static string Manifest(string node) => string.Create(CultureInfo.InvariantCulture, $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          nodeName: {{node}}
          automountServiceAccountToken: false
          terminationGracePeriodSeconds: 1
          containers:
            - name: main
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              command: ["sh", "-c", "for i in 1 2 3; do echo line $i; done; while [ ! -e /go ]; do sleep 0.1; done; while :; do i=$((i+1)); echo tick $i; sleep 0.2; done"]
            - name: web
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              command: ["sh", "-c", "mkdir -p /www; echo hello from the edge > /www/index.html; exec httpd -f -p 8080 -h /www"]
            - name: shell
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              command: ["sh"]
              stdin: true
              tty: true
        """);

    /// <summary>The whole log and its tail; before <see cref="AttachAsync"/>, with which the pod begins to count.</summary>
    public async Task LogsAsync()
    {
        Assert.Equal("line 1\nline 2\nline 3", (await KubectlAsync("logs", "app", "-c", "main")).Expect());
        Assert.Equal("line 3", (await KubectlAsync("logs", "app", "-c", "main", "--tail=1")).Expect());
    }

    public async Task ExecAsync()
    {
        // every character that has a meaning somewhere on the way
        var result = await KubectlAsync("exec", "app", "-c", "main", "--", "sh", "-c", "echo 'out; &+%3B=\"ü\"'; echo err >&2; exit 7");
        Assert.Equal((7, "out; &+%3B=\"ü\"\n"), (result.ExitCode, result.Output));
        Assert.StartsWith("err\n", result.Error, StringComparison.Ordinal);

        var input = await RunAsync(["exec", "-i", "app", "-c", "main", "--", "sh", "-c", "wc -c; echo read all"], new string('x', 200_000));
        Assert.Equal("200000\nread all", input.Expect());

        var missing = await KubectlAsync("exec", "app", "-c", "main", "--", "no-such-program");
        Assert.NotEqual(0, missing.ExitCode);
        Assert.Contains("no-such-program", missing.Error, StringComparison.Ordinal);
    }

    /// <summary>A terminal has its size and its input; script(1) gives kubectl one.</summary>
    public async Task TerminalAsync()
    {
        var result = await ProgramsCommand.RunAsync(
            "script",
            ["-qec", $"stty rows 41 cols 97; {StreamWorld.Program(version)} exec -it app -c main -- sh -c 'i=0; while [ $i -lt 200 ] && ! stty size | grep -q 97; do sleep 0.1; i=$((i+1)); done; stty size; tty; read x; echo got $x'", "/dev/null"],
            Environment(), "typed\n", s_limit);
        Assert.Contains("41 97", result.Output, StringComparison.Ordinal);
        Assert.Contains("/dev/pts/", result.Output, StringComparison.Ordinal);
        Assert.Contains("got typed", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, result.ExitCode);
    }

    /// <summary>To a container that only writes, and to a shell with a terminal.</summary>
    public async Task AttachAsync()
    {
        await WithAsync(Kubectl("attach", "app", "-c", "main"), async (kubectl, limit) =>
        {
            (await KubectlAsync("exec", "app", "-c", "main", "--", "touch", "/go")).Expect();
            await LineAsync(kubectl.StandardOutput, kubectl, line => line.StartsWith("tick ", StringComparison.Ordinal), limit);
        });
        await WithAsync(new("script", ["-qec", $"{StreamWorld.Program(version)} attach -it app -c shell", "/dev/null"]), async (kubectl, limit) =>
        {
            await kubectl.StandardInput.WriteLineAsync("echo $((6 * 7))".AsMemory(), limit);
            await kubectl.StandardInput.FlushAsync(limit);
            await LineAsync(kubectl.StandardOutput, kubectl, line => line.Trim() == "42", limit);
        });
    }

    public async Task CopyAsync()
    {
        using var folder = new TempFolder();
        var content = RandomNumberGenerator.GetBytes(4 * 1024 * 1024);
        await File.WriteAllBytesAsync(folder.File("there"), content);
        (await KubectlAsync("cp", folder.File("there"), $"app:/tmp/{version}", "-c", "main")).Expect();
        (await KubectlAsync("cp", $"app:/tmp/{version}", folder.File("back"), "-c", "main")).Expect();
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await File.ReadAllBytesAsync(folder.File("back"))));
    }

    /// <summary>Several connections to a port that is served, and one to a port that is not.</summary>
    public async Task PortForwardAsync()
    {
        await WithAsync(Kubectl("port-forward", "pod/app", ":8080"), async (kubectl, limit) =>
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{await PortAsync(kubectl, limit)}") };
            var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => http.GetStringAsync("/", limit)));
            Assert.All(answers, answer => Assert.Equal("hello from the edge\n", answer));
        });
        await WithAsync(Kubectl("port-forward", "pod/app", ":9999"), async (kubectl, limit) =>
        {
            using var socket = new System.Net.Sockets.TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, await PortAsync(kubectl, limit), limit);
            await socket.GetStream().WriteAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), limit);
            await LineAsync(kubectl.StandardError, kubectl, line => line.Contains("9999", StringComparison.Ordinal), limit);
        });
    }

    public Task<CommandResult> KubectlAsync(params string[] arguments) => RunAsync(arguments, null);

    private Task<CommandResult> RunAsync(string[] arguments, string? input) =>
        ProgramsCommand.RunAsync(StreamWorld.Program(version), arguments, Environment(), input, s_limit);

    /// <summary>kubectl says "Forwarding from 127.0.0.1:PORT -> …".</summary>
    private static async Task<int> PortAsync(Process kubectl, CancellationToken limit)
    {
        var line = await LineAsync(kubectl.StandardOutput, kubectl, l => l.Contains("127.0.0.1:", StringComparison.Ordinal), limit);
        return int.Parse(line.Split("127.0.0.1:")[1].Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static async Task<string> LineAsync(StreamReader from, Process kubectl, Func<string, bool> wanted, CancellationToken limit)
    {
        while (await from.ReadLineAsync(limit) is { } line)
        {
            if (wanted(line))
            {
                return line;
            }
        }

        throw new InvalidOperationException($"kubectl ended: {await kubectl.StandardError.ReadToEndAsync(limit)}");
    }

    private ProcessStartInfo Kubectl(params string[] arguments) => new(StreamWorld.Program(version), arguments);

    /// <summary>With a kubectl that runs until it is ended.</summary>
    private async Task WithAsync(ProcessStartInfo start, Func<Process, CancellationToken, Task> check)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        foreach (var (name, value) in Environment())
        {
            start.Environment[name] = value;
        }

        using var kubectl = Process.Start(start)!;
        try
        {
            using var limit = new CancellationTokenSource(s_limit);
            await check(kubectl, limit.Token);
        }
        finally
        {
            kubectl.Kill();
            await kubectl.WaitForExitAsync();
        }
    }

    private Dictionary<string, string> Environment() => new()
    {
        ["KUBECONFIG"] = kubeconfig,
        ["HOME"] = Path.GetDirectoryName(kubeconfig)!,
    };
}
