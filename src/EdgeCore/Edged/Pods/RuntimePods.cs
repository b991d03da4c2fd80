using System.Collections.Concurrent;
using System.Globalization;
using EdgeSync.EdgeCore.Edged.Cri;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>A pod of this node as the relist sees it.</summary>
/// <param name="Namespace">The pod's.</param>
/// <param name="Name">The pod's.</param>
/// <param name="Fingerprint">Changes when a sandbox or container comes, goes or changes state.</param>
internal readonly record struct RelistedPod(string Namespace, string Name, long Fingerprint);

/// <summary>
/// Reads this node's pods from the runtime. Details that cannot change any more (of a container in a given state) are
/// asked for once and kept.
/// </summary>
internal sealed class RuntimePods(CriClient cri, string nodeName, TimeProvider time)
{
    private const string OutOfMemory = "OOMKilled";
    private const int Killed = 128 + 9;

    /// <summary>
    /// containerd hears of a container's end and of the want of memory that was its cause from two sides, in any order: so long
    /// after the end the reason may still become the true one.
    /// </summary>
    private static readonly TimeSpan s_afterthought = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string Id, ContainerState State), ContainerStatus> _containers = new();
    private readonly ConcurrentDictionary<(string Id, PodSandboxState State), PodSandboxStatus> _sandboxes = new();

    /// <summary>All pods of this node, by UID: two calls, however many pods.</summary>
    public async Task<IReadOnlyDictionary<string, RelistedPod>> RelistAsync(CancellationToken cancellationToken)
    {
        var labels = new Dictionary<string, string> { [PodLabels.Node] = nodeName };
        var sandboxes = await cri.ListPodSandboxAsync(labels, cancellationToken);
        var containers = await cri.ListContainersAsync(labels, cancellationToken);
        var pods = new Dictionary<string, RelistedPod>(sandboxes.Count);
        foreach (var sandbox in sandboxes)
        {
            Add(pods, sandbox.Labels, HashCode.Combine(sandbox.Id, sandbox.State));
        }

        foreach (var container in containers)
        {
            Add(pods, container.Labels, HashCode.Combine(container.Id, container.State));
        }

        Forget(sandboxes.Select(s => s.Id), containers.Select(c => c.Id));
        return pods;
    }

    /// <summary>One pod, in detail.</summary>
    public async Task<RuntimePod> ReadAsync(string uid, CancellationToken cancellationToken)
    {
        var labels = new Dictionary<string, string> { [PodLabels.Node] = nodeName, [PodLabels.PodUid] = uid };
        var sandboxes = new List<RuntimeSandbox>();
        foreach (var sandbox in await cri.ListPodSandboxAsync(labels, cancellationToken))
        {
            sandboxes.Add(await ReadSandboxAsync(sandbox, cancellationToken));
        }

        var containers = new List<RuntimeContainer>();
        foreach (var container in await cri.ListContainersAsync(labels, cancellationToken))
        {
            if (await ReadContainerAsync(container, cancellationToken) is { } read)
            {
                containers.Add(read);
            }
        }

        return new RuntimePod(
            uid,
            [.. sandboxes.OrderByDescending(s => s.Attempt).ThenByDescending(s => s.CreatedAt)],
            [.. containers.OrderByDescending(c => c.Attempt).ThenByDescending(c => c.CreatedAt)]);
    }

    private static void Add(Dictionary<string, RelistedPod> pods, IDictionary<string, string> labels, int hash)
    {
        var uid = Value(labels, PodLabels.PodUid);
        if (uid.Length > 0)
        {
            // a sum, since the runtime lists in no order
            pods[uid] = new RelistedPod(
                Value(labels, PodLabels.PodNamespace), Value(labels, PodLabels.PodName),
                pods.GetValueOrDefault(uid).Fingerprint + hash);
        }
    }

    private static string Value(IDictionary<string, string> values, string key) =>
        values.TryGetValue(key, out var value) ? value : "";

    private static int Number(IDictionary<string, string> values, string key) =>
        int.TryParse(Value(values, key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private async Task<RuntimeSandbox> ReadSandboxAsync(PodSandbox sandbox, CancellationToken cancellationToken)
    {
        var key = (sandbox.Id, sandbox.State);
        if (!_sandboxes.TryGetValue(key, out var status))
        {
            try
            {
                status = await cri.PodSandboxStatusAsync(sandbox.Id, cancellationToken);
            }
            catch (CriException e) when (e.Code == CriCode.NotFound)
            {
                status = new PodSandboxStatus { State = PodSandboxState.SandboxNotready };
            }

            _sandboxes[key] = status;
        }

        string[] ips = status.Network is { Ip.Length: > 0 } network
            ? [network.Ip, .. network.AdditionalIps.Select(a => a.Ip)]
            : [];
        var grace = Value(sandbox.Annotations, PodLabels.GracePeriod).Length > 0 ? Number(sandbox.Annotations, PodLabels.GracePeriod) : 30;
        return new RuntimeSandbox(
            sandbox.Id, sandbox.State == PodSandboxState.SandboxReady, (int)sandbox.Metadata.Attempt,
            RuntimeTime.Read(sandbox.CreatedAt), ips, TimeSpan.FromSeconds(grace));
    }

    private async Task<RuntimeContainer?> ReadContainerAsync(Cri.Container container, CancellationToken cancellationToken)
    {
        var key = (container.Id, container.State);
        if (!_containers.TryGetValue(key, out var status))
        {
            try
            {
                status = await cri.ContainerStatusAsync(container.Id, cancellationToken);
            }
            catch (CriException e) when (e.Code == CriCode.NotFound)
            {
                return null; // removed since it was listed
            }

            // it may have gone on since it was listed: kept under the state it has
            if (IsSettled(status, time.GetUtcNow()))
            {
                _containers[(container.Id, status.State)] = status;
            }
        }

        return new RuntimeContainer(
            container.Id, container.PodSandboxId, Value(container.Labels, PodLabels.ContainerName),
            Number(container.Annotations, PodLabels.RestartCount), Number(container.Annotations, PodLabels.BackoffLevel),
            Value(container.Annotations, PodLabels.ContainerHash), status.State, status);
    }

    /// <summary>Whether the details of a container in this state stay as they are.</summary>
    internal static bool IsSettled(ContainerStatus status, DateTimeOffset now) =>
        status is not { State: ContainerState.ContainerExited, ExitCode: Killed } || status.Reason == OutOfMemory
        || (now - RuntimeTime.Read(status.FinishedAt)).Duration() > s_afterthought;

    private void Forget(IEnumerable<string> sandboxIds, IEnumerable<string> containerIds)
    {
        var sandboxes = sandboxIds.ToHashSet();
        foreach (var key in _sandboxes.Keys.Where(k => !sandboxes.Contains(k.Id)))
        {
            _sandboxes.TryRemove(key, out _);
        }

        var containers = containerIds.ToHashSet();
        foreach (var key in _containers.Keys.Where(k => !containers.Contains(k.Id)))
        {
            _containers.TryRemove(key, out _);
        }
    }
}
