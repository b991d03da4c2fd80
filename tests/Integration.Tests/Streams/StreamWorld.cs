using System.Diagnostics;
using System.Globalization;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>
/// One world for all tests of streams: a node behind a link that can be cut, with pods to look into. <c>app</c> has a container that
/// counts and one with a web server, <c>crash</c> ends and begins anew, <c>shell</c> has a terminal.
/// </summary>
public sealed class StreamWorld : IAsyncLifetime
{
    public const string Node = "edge-1";

    /// <summary>For one kubectl.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private EdgeWorld? _world;

    /// <summary>The kubectl of Kubernetes 1.20, which knows SPDY alone; null where it is not on this machine.</summary>
    public static string? OldKubectl =>
        System.Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is { Length: > 0 } folder && File.Exists(Path.Combine(folder, "kubectl"))
            ? Path.Combine(folder, "kubectl")
            : null;

    internal EdgeWorld World => _world ?? throw new InvalidOperationException("the world did not start");

    internal CuttableLink Link { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (EndToEndFactAttribute.WhyNot() is not null)
        {
            return; // its tests are skipped, and say why
        }

        _world = await EdgeWorld.StartCloudAsync(new Silent());
        Link = new CuttableLink(World.Cloud.HubPort);
        (await World.Edge.TryJoinAsync(Link.Address, await World.Cloud.GetTokenAsync())).Expect();
        World.Edge.Start();
        await World.NodeIsReadyAsync();
        await World.Kubectl.ApplyAsync(Pods);
        await World.EventuallyAsync(
            "the pods run",
            async () => await World.Kubectl.PathAsync("{.items[*].status.phase}", "pods") == "Running Running Running");
    }

    public async Task DisposeAsync()
    {
        if (_world is not null)
        {
            await _world.DisposeAsync();
            await Link.DisposeAsync();
        }
    }

    /// <summary>Runs a kubectl; "old" is that of 1.20.</summary>
    internal Task<CommandResult> KubectlAsync(string version, params string[] arguments) =>
        ProgramsCommand.RunAsync(Program(version), arguments, Environment(), limit: Limit);

    /// <summary>Starts a kubectl whose output and input are the test's.</summary>
    internal Process Start(string version, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program(version), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    internal Dictionary<string, string> Environment() => new()
    {
        ["KUBECONFIG"] = World.Cloud.Kubeconfig,
        ["HOME"] = Path.GetDirectoryName(World.Cloud.Kubeconfig)!,
    };

    internal static string Program(string version) => version == "old" ? OldKubectl! : "kubectl";

    private static string Pods => string.Create(CultureInfo.InvariantCulture, $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: app}
        spec:
          nodeName: {{Node}}
          terminationGracePeriodSeconds: 1
          containers:
            - name: main
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              command: ["sh", "-c", "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; done; echo to-stderr >&2; while :; do i=$((i+1)); echo tick $i; sleep 0.2; done"]
            - name: web
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              command: ["sh", "-c", "mkdir -p /www; echo hello from the edge > /www/index.html; exec httpd -f -p 8080 -h /www"]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: crash}
        spec:
          nodeName: {{Node}}
          terminationGracePeriodSeconds: 1
          containers:
            - name: main
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              command: ["sh", "-c", "if [ -e /data/second ]; then echo the second life; sleep 10000; fi; touch /data/second; echo the first life; exit 3"]
              volumeMounts: [{name: data, mountPath: /data}]
          volumes: [{name: data, emptyDir: { } }]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: shell}
        spec:
          nodeName: {{Node}}
          terminationGracePeriodSeconds: 1
          containers:
            - name: main
              image: {{ContainerdRig.BusyboxImage}}
              imagePullPolicy: IfNotPresent
              stdin: true
              tty: true
              command: ["sh"]
        """);

    /// <summary>A fixture has no test whose output it could write to.</summary>
    private sealed class Silent : ITestOutputHelper
    {
        public void WriteLine(string message)
        {
            // the programs' logs are shown by the timeouts that bring them along
        }

        public void WriteLine(string format, params object[] args)
        {
            // likewise
        }
    }
}

/// <summary>The tests that share a <see cref="StreamWorld"/>; one at a time.</summary>
[CollectionDefinition(Name)]
public sealed class StreamTests : ICollectionFixture<StreamWorld>
{
    public const string Name = "streams";
}

/// <summary>A test with each kubectl; the old one is left out where it is not on this machine.</summary>
public sealed class KubectlVersionsAttribute : Xunit.Sdk.DataAttribute
{
    public override IEnumerable<object[]> GetData(System.Reflection.MethodInfo testMethod) =>
        StreamWorld.OldKubectl is null ? [["new"]] : [["new"], ["old"]];
}
