using System.Globalization;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// Whether this replica's caches have seen all that was before a certain moment. A node that comes from another replica may hold, or may have
/// been told to drop, what the caches here have not heard of yet: compared with an older state, a new pod would be deleted, and one
/// that is gone started again.
/// </summary>
internal sealed class CacheFreshness(KubeClient api, HubInformers caches, TimeProvider time)
{
    private static readonly TimeSpan s_listEvery = TimeSpan.FromSeconds(15);

    private readonly Dictionary<string, Informer> _informers = new(StringComparer.Ordinal)
    {
        [ResourceTypes.Node] = caches.Nodes,
        [ResourceTypes.Pod] = caches.Pods,
        [ResourceTypes.ConfigMap] = caches.ConfigMaps,
        [ResourceTypes.Secret] = caches.Secrets,
        [ResourceTypes.Device] = caches.Devices,
        [ResourceTypes.DeviceModel] = caches.DeviceModels,
    };

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _listedAt = new(StringComparer.Ordinal); // guarded by _gate; when a list was last asked for
    private Task<FreshnessMark>? _running; // guarded by _gate
    private Task<FreshnessMark>? _next; // guarded by _gate; begins when the running one has ended

    /// <summary>The API's kind behind a wire type; null for a type that has no cache.</summary>
    public ApiResource? ResourceOf(string type) => _informers.GetValueOrDefault(type)?.Resource;

    /// <summary>
    /// The versions at which the API is now: six small reads, which all callers of a moment share. What is later than the call is in no mark that
    /// it gives.
    /// </summary>
    /// <exception cref="ApiException">The API is not available.</exception>
    public Task<FreshnessMark> MarkAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            return (_next ??= ReadAfterAsync(_running)).WaitAsync(ct);
        }
    }

    /// <summary>Whether the cache of this type holds all that the API had at the mark.</summary>
    public bool IsProven(string type, FreshnessMark mark) =>
        !_informers.TryGetValue(type, out var informer) || informer.Version >= mark.Versions[type] || informer.ListBegan > mark.At;

    /// <summary>Whether all caches do.</summary>
    public bool IsProven(FreshnessMark mark) => _informers.Keys.All(type => IsProven(type, mark));

    /// <summary>
    /// Has a cache listed anew that a mark cannot prove, since nothing of its type changes and its server sends no newer bookmarks. Not within a few
    /// seconds of the mark, and not often: a list is as large as all objects of the type.
    /// </summary>
    public void Prove(string type, FreshnessMark mark)
    {
        if (IsProven(type, mark) || time.GetElapsedTime(mark.At) < s_listEvery / 5)
        {
            return;
        }

        lock (_gate)
        {
            if (_listedAt.TryGetValue(type, out var at) && time.GetElapsedTime(at) < s_listEvery)
            {
                return;
            }

            _listedAt[type] = time.GetTimestamp();
        }

        _informers[type].ListAnew();
    }

    private async Task<FreshnessMark> ReadAfterAsync(Task? before)
    {
        await Task.Yield(); // the caller holds the gate
        if (before is not null)
        {
            await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        lock (_gate)
        {
            (_running, _next) = (_next, null);
        }

        var at = time.GetTimestamp();
        var versions = await Task.WhenAll(_informers.Select(async i => (i.Key, Version: await api.GetListVersionAsync(i.Value.Resource, null, CancellationToken.None))));
        return new FreshnessMark(at, versions.ToDictionary(v => v.Key, v => Parse(v.Version), StringComparer.Ordinal));
    }

    // versions of one resource grow as numbers (KEP-5504); what is none is never reached
    private static ulong Parse(string version) =>
        ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : ulong.MaxValue;
}

/// <summary>A moment by the API's own versions.</summary>
/// <param name="At">Time stamp of the clock, before the versions were read.</param>
/// <param name="Versions">By wire type.</param>
internal sealed record FreshnessMark(long At, IReadOnlyDictionary<string, ulong> Versions);
