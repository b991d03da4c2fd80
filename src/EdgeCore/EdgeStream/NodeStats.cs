using EdgeSync.EdgeCore.Edged;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Node;
using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>What one container uses.</summary>
/// <param name="Pod">Namespace, name and UID of its pod.</param>
/// <param name="Name">Its name in the pod.</param>
/// <param name="StartedAt">Since when it runs.</param>
/// <param name="Usage">Its figures.</param>
/// <param name="RootFsBytes">What it has written to its own file system.</param>
internal sealed record ContainerUsage(
    (string Namespace, string Name, string Uid) Pod, string Name, DateTimeOffset StartedAt, ResourceUsage Usage, long RootFsBytes);

/// <summary>Processor and memory.</summary>
/// <param name="CpuNanoCores">Billionths of a processor, over the time between two looks.</param>
/// <param name="CpuNanoSeconds">Nanoseconds of one processor since the start.</param>
/// <param name="WorkingSetBytes">Memory that cannot be had back without pain.</param>
/// <param name="RssBytes">Anonymous memory.</param>
internal readonly record struct ResourceUsage(long CpuNanoCores, long CpuNanoSeconds, long WorkingSetBytes, long RssBytes);

/// <summary>What the node and its containers use.</summary>
internal sealed record NodeUsage(
    string Node, DateTimeOffset Time, ResourceUsage Usage, long MemoryAvailableBytes, (long Total, long Available) Disk, long ImageBytes,
    IReadOnlyList<ContainerUsage> Containers);

/// <summary>
/// Reads figures when somebody asks, and at no other time. A rate needs two looks: the second one comes a second after the first, and
/// who asks again within a minute is answered from the last look to now.
/// </summary>
#pragma warning disable CA1001 // a semaphore never asked for its wait handle holds nothing that must be freed
internal sealed class NodeStats(CriClient cri, EdgedSettings settings, TimeProvider time)
#pragma warning restore CA1001
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _reading = new(1, 1);
    private Look? _last; // guarded by _reading, as the one below
    private NodeUsage? _answer;

    /// <exception cref="CriException">The runtime is away.</exception>
    public async Task<NodeUsage> ReadAsync(CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken);
        try
        {
            if (_last is { } last && _answer is not null && time.GetElapsedTime(last.At) < s_fresh)
            {
                return _answer;
            }

            var from = _last is { } before && time.GetElapsedTime(before.At) < s_longest ? before : await LookAsync(cancellationToken);
            if (time.GetElapsedTime(from.At) is var age && age < s_shortest)
            {
                await Task.Delay(s_shortest - age, time, cancellationToken);
            }

            _last = await LookAsync(cancellationToken);
            return _answer = await UsageAsync(from, _last, cancellationToken);
        }
        finally
        {
            _reading.Release();
        }
    }

    private async Task<Look> LookAsync(CancellationToken cancellationToken)
    {
        var labels = new Dictionary<string, string> { [PodLabels.Node] = settings.NodeName };
        var containers = await cri.ListContainerStatsAsync(labels, cancellationToken);
        return new Look(time.GetTimestamp(), HostFacts.CpuNanoSeconds, containers.ToDictionary(c => c.Attributes.Id));
    }

    private async Task<NodeUsage> UsageAsync(Look from, Look to, CancellationToken cancellationToken)
    {
        var labels = new Dictionary<string, string> { [PodLabels.Node] = settings.NodeName };
        var started = (await cri.ListContainersAsync(labels, cancellationToken)).ToDictionary(c => c.Id, c => RuntimeTime.Read(c.CreatedAt));
        var images = await cri.ImageFsInfoAsync(cancellationToken);
        var elapsed = time.GetElapsedTime(from.At, to.At).TotalNanoseconds;
        var containers = to.Containers.Values.Select(now => new ContainerUsage(
            (Label(now, PodLabels.PodNamespace), Label(now, PodLabels.PodName), Label(now, PodLabels.PodUid)),
            Label(now, PodLabels.ContainerName), started.GetValueOrDefault(now.Attributes.Id),
            new ResourceUsage(
                Rate(from.Containers.GetValueOrDefault(now.Attributes.Id), now), CpuOf(now),
                (long)(now.Memory?.WorkingSetBytes?.Value ?? 0), (long)(now.Memory?.RssBytes?.Value ?? 0)),
            (long)(now.WritableLayer?.UsedBytes?.Value ?? 0)));
        var total = HostFacts.MemoryTotal;
        var available = HostFacts.MemoryAvailable;
        return new NodeUsage(
            settings.NodeName, time.GetUtcNow(),
            new ResourceUsage((long)((to.NodeCpu - from.NodeCpu) / elapsed * 1e9), to.NodeCpu, total - available, total - available), available,
            HostFacts.Disk(settings.RootDirectory), images.Sum(i => (long)(i.UsedBytes?.Value ?? 0)),
            [.. containers.OrderBy(c => c.Pod).ThenBy(c => c.Name, StringComparer.Ordinal)]);
    }

    private static string Label(ContainerStats container, string name) =>
        container.Attributes.Labels.TryGetValue(name, out var value) ? value : "";

    private static long CpuOf(ContainerStats stats) => (long)(stats.Cpu?.UsageCoreNanoSeconds?.Value ?? 0);

    /// <summary>By the runtime's own time stamps: it may have measured some time before it answered.</summary>
    private static long Rate(ContainerStats? from, ContainerStats to)
    {
        var elapsed = (to.Cpu?.Timestamp ?? 0) - (from?.Cpu?.Timestamp ?? 0);
        return from is null || elapsed <= 0 ? 0 : (long)Math.Max(0, (double)(CpuOf(to) - CpuOf(from)) / elapsed * 1e9);
    }

    /// <param name="At">Time stamp of the clock.</param>
    /// <param name="NodeCpu">Nanoseconds of all processors.</param>
    /// <param name="Containers">By the runtime's id.</param>
    private sealed record Look(long At, long NodeCpu, IReadOnlyDictionary<string, ContainerStats> Containers);
}
