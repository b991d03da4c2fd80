using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using EdgeSync.Benchmarks.Api;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Benchmarks.Workloads;

/// <summary>
/// Nodes and kubelets that are none: it makes Node objects, renews their leases as kubelets do, says of each pod that is bound to one of
/// them that it runs, and lets go of those that are deleted. It counts its own writes.
/// </summary>
internal sealed class PretendNodes(string kubeconfig) : IAsyncDisposable
{
    private const int Parallel = 32;
    private const int MostWaiting = 200_000;
    private const string Leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    private static readonly TimeSpan s_leaseInterval = TimeSpan.FromSeconds(10);

    private readonly ApiClient _client = new(kubeconfig);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly ConcurrentQueue<string> _names = new();
    private readonly Channel<(string Path, bool IsDeleting)> _work = Channel.CreateBounded<(string, bool)>(MostWaiting);
    private readonly ConcurrentDictionary<string, bool> _told = new(); // uid → deletion told; only what is new is acted on

    // pods by app, version and node that the API shows as ready and not deleted; the watch alone writes
    private readonly ConcurrentDictionary<string, (string App, string Version, string Node)> _ready = new();
    private readonly ConcurrentDictionary<(string App, string Version), int> _counts = new();
    private readonly ConcurrentDictionary<string, int> _onNode = new();
    private long _writes;
    private long _podWrites;

    /// <summary>Writes of these nodes so far that were answered.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Of them, those of pods.</summary>
    public long PodWrites => Interlocked.Read(ref _podWrites);

    /// <summary>Pods of an app and a version that serve.</summary>
    public int Ready(string app, string version) => _counts.GetValueOrDefault((app, version));

    /// <summary>Pods that serve on a node.</summary>
    public int ReadyOn(string node) => _onNode.GetValueOrDefault(node);

    public static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"node-{number:0000}");

    public async Task StartAsync(int count)
    {
        _running.Add(await _client.WatchEventsAsync("/api/v1/pods", NotePod, _stop.Token));
        for (var i = 0; i < Parallel; i++)
        {
            _running.Add(ServeAsync());
        }

        await System.Threading.Tasks.Parallel.ForEachAsync(
            Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (number, _) => await AddAsync(number));
        _running.Add(RenewAsync());
    }

    public async Task AddAsync(int number)
    {
        var name = Name(number);
        var now = KubeTime.Format(DateTimeOffset.UtcNow);
        string Condition(string type, string status) =>
            $$"""{"type":"{{type}}","status":"{{status}}","reason":"Pretended","lastHeartbeatTime":"{{now}}","lastTransitionTime":"{{now}}"}""";
        const string Room = """{"cpu":"16","memory":"64Gi","pods":"250"}""";
        await _client.CreateAsync("/api/v1/nodes", $$$"""
            {"metadata":{"name":"{{{name}}}","labels":{"kubernetes.io/hostname":"{{{name}}}","kubernetes.io/os":"linux"}},
             "status":{"capacity":{{{Room}}},"allocatable":{{{Room}}},"conditions":[{{{Condition("MemoryPressure", "False")}}},{{{Condition("DiskPressure", "False")}}},
                       {{{Condition("PIDPressure", "False")}}},{{{Condition("Ready", "True")}}}],
                       "addresses":[{"type":"InternalIP","address":"127.0.0.1"}],"nodeInfo":{"kubeletVersion":"v1.20.2","osImage":"none","architecture":"amd64","operatingSystem":"linux",
                       "machineID":"","systemUUID":"","bootID":"","kernelVersion":"","containerRuntimeVersion":"","kubeProxyVersion":""} } }
            """);
        await _client.CreateAsync(Leases, $$$"""
            {"metadata":{"name":"{{{name}}}"},"spec":{"holderIdentity":"{{{name}}}","leaseDurationSeconds":40,"renewTime":"{{{KubeTime.FormatMicro(DateTimeOffset.UtcNow)}}}"} }
            """);
        Interlocked.Add(ref _writes, 2);
        _names.Enqueue(name);
    }

    /// <summary>Throws what one of its loops has thrown.</summary>
    public void ThrowIfFailed()
    {
        foreach (var task in _running.Where(task => task.IsFaulted))
        {
            task.GetAwaiter().GetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _work.Writer.TryComplete();
        await Task.WhenAll(_running).WaitAsync(TimeSpan.FromMinutes(1)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _stop.Dispose();
    }

    private void NotePod(string line)
    {
        using var document = JsonDocument.Parse(line);
        var pod = document.RootElement.GetProperty("object");
        var metadata = pod.GetProperty("metadata");
        var uid = metadata.GetProperty("uid").GetString()!;
        var isGone = document.RootElement.GetProperty("type").GetString() == "DELETED";
        var isDeleting = isGone || metadata.TryGetProperty("deletionTimestamp", out _);
        var node = pod.GetProperty("spec").TryGetProperty("nodeName", out var name) ? name.GetString() : null;
        var isReady = pod.GetProperty("status").TryGetProperty("conditions", out var conditions)
            && conditions.EnumerateArray().Any(c => c.GetProperty("type").ValueEquals("Ready") && c.GetProperty("status").ValueEquals("True"));
        Count(uid, isReady && !isDeleting && node is not null && metadata.TryGetProperty("labels", out var labels)
            ? (Text(labels, "app"), Text(labels, "version"), node) : null);
        if (isGone)
        {
            _told.TryRemove(uid, out _);
        }
        else if (node is not null && (isDeleting ? !_told.TryGetValue(uid, out var told) || !told : !isReady && !_told.ContainsKey(uid)))
        {
            _told[uid] = isDeleting;
            var path = $"/api/v1/namespaces/{metadata.GetProperty("namespace").GetString()}/pods/{metadata.GetProperty("name").GetString()}";
            if (!_work.Writer.TryWrite((path, isDeleting)))
            {
                throw new InvalidOperationException($"more than {MostWaiting} pods wait for their pretended kubelets");
            }
        }
    }

    private void Count(string uid, (string App, string Version, string Node)? now)
    {
        if (_ready.TryGetValue(uid, out var before))
        {
            if (now is not null)
            {
                return;
            }

            _ready.TryRemove(uid, out _);
            _counts.AddOrUpdate((before.App, before.Version), 0, (_, count) => count - 1);
            _onNode.AddOrUpdate(before.Node, 0, (_, count) => count - 1);
        }
        else if (now is { } pod)
        {
            _ready[uid] = pod;
            _counts.AddOrUpdate((pod.App, pod.Version), 1, (_, count) => count + 1);
            _onNode.AddOrUpdate(pod.Node, 1, (_, count) => count + 1);
        }
    }

    private static string Text(JsonElement labels, string key) => labels.TryGetProperty(key, out var value) ? value.GetString()! : "";

    private async Task ServeAsync()
    {
        await foreach (var (path, isDeleting) in _work.Reader.ReadAllAsync())
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            if (isDeleting)
            {
                await _client.DeleteNowAsync(path);
            }
            else
            {
                await _client.PatchAsync(path + "/status", Running());
            }

            Interlocked.Increment(ref _podWrites);
            Interlocked.Increment(ref _writes);
        }
    }

    private static string Running()
    {
        var now = KubeTime.Format(DateTimeOffset.UtcNow);
        string Condition(string type) => $$"""{"type":"{{type}}","status":"True","lastTransitionTime":"{{now}}"}""";
        return $$$"""
            {"status":{"phase":"Running","startTime":"{{{now}}}","hostIP":"127.0.0.1","podIP":"10.0.0.1",
             "conditions":[{{{Condition("Initialized")}}},{{{Condition("Ready")}}},{{{Condition("ContainersReady")}}},{{{Condition("PodScheduled")}}}],
             "containerStatuses":[{"name":"main","ready":true,"started":true,"restartCount":0,"image":"registry.example/app:1","imageID":"sha256:0","containerID":"containerd://0",
                                   "state":{"running":{"startedAt":"{{{now}}}"} } }]} }
            """;
    }

    // all once in each interval, evenly, as many kubelets would; a slow answer holds up its own node alone
    private async Task RenewAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var names = _names.ToArray();
            var began = DateTimeOffset.UtcNow;
            await System.Threading.Tasks.Parallel.ForEachAsync(
                Enumerable.Range(0, names.Length), new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (i, _) =>
                {
                    await WaitUntilAsync(began + (s_leaseInterval * (i + 1) / names.Length));
                    if (!_stop.IsCancellationRequested)
                    {
                        await _client.PatchAsync($"{Leases}/{names[i]}", $$$"""{"spec":{"renewTime":"{{{KubeTime.FormatMicro(DateTimeOffset.UtcNow)}}}"} }""");
                        Interlocked.Increment(ref _writes);
                    }
                });
        }
    }

    private async Task WaitUntilAsync(DateTimeOffset when)
    {
        if (when - DateTimeOffset.UtcNow is var ahead && ahead > TimeSpan.Zero)
        {
            await Task.Delay(ahead, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
