using System.Globalization;
using EdgeSync.Benchmarks.Api;

namespace EdgeSync.Benchmarks.Workloads;

/// <summary>
/// Counts the changes of an API's objects, by watches of the kinds that controllers write, and in all by the store's version, which both
/// etcd and the embedded API count up with each change.
/// </summary>
internal sealed class StoreCount(string kubeconfig) : IAsyncDisposable
{
    private static readonly (string Kind, string Path)[] s_kinds =
    [
        ("pods", "/api/v1/pods"),
        ("events", "/api/v1/events"),
    ];

    private readonly ApiClient _client = new(kubeconfig);
    private readonly CancellationTokenSource _stop = new();
    private readonly long[] _counts = new long[s_kinds.Length];
    private readonly List<Task> _watches = [];

    public async Task StartAsync()
    {
        for (var i = 0; i < s_kinds.Length; i++)
        {
            var kind = i;
            _watches.Add(await _client.WatchEventsAsync(s_kinds[i].Path, _ => Interlocked.Increment(ref _counts[kind]), _stop.Token));
        }
    }

    public async Task<StoreMark> MarkAsync()
    {
        foreach (var failed in _watches.Where(watch => watch.IsFaulted))
        {
            await failed; // what it counts is not the whole any more
        }

        var list = await _client.ReadAsync("/api/v1/namespaces/default/configmaps?limit=1");
        var version = long.Parse(list["metadata"]!["resourceVersion"]!.ToString(), CultureInfo.InvariantCulture);
        return new StoreMark(version, s_kinds.Select((kind, i) => (kind.Kind, Count: Interlocked.Read(ref _counts[i]))).ToDictionary(pair => pair.Kind, pair => pair.Count));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_watches).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _stop.Dispose();
    }
}

/// <summary>Where the counts stand.</summary>
/// <param name="Version">The store's.</param>
/// <param name="Changes">By kind.</param>
internal sealed record StoreMark(long Version, IReadOnlyDictionary<string, long> Changes)
{
    /// <summary>All changes since.</summary>
    public long Since(StoreMark earlier) => Version - earlier.Version;

    /// <summary>Of one kind.</summary>
    public long Since(StoreMark earlier, string kind) => Changes[kind] - earlier.Changes[kind];
}
