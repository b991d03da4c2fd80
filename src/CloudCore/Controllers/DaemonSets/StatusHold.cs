using System.Collections.Concurrent;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// Holds back writes that only count anew: where a node joins, its pod is wanted, there and ready shortly after each other, and each would
/// be a write of its own. The first change of an object waits for <see cref="Longest"/>; what changes meanwhile goes with it, so nothing
/// waits longer.
/// </summary>
internal sealed class StatusHold(TimeProvider time)
{
    /// <summary>Too short to be seen by who waits for a rollout.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(100);

    // UID → since when there is something to write
    private readonly ConcurrentDictionary<string, long> _since = new();

    /// <summary>There is something to write: for how long it is still held back. Zero: it is to be written now.</summary>
    public TimeSpan Left(string uid)
    {
        var left = Longest - time.GetElapsedTime(_since.GetOrAdd(uid, _ => time.GetTimestamp()));
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>It is written, or there is nothing to write any more.</summary>
    public void Clear(string uid) => _since.TryRemove(uid, out _);

    /// <summary>Frees what is kept for objects that are no more.</summary>
    public void Retain(IReadOnlySet<string> uids)
    {
        foreach (var uid in _since.Keys.Where(uid => !uids.Contains(uid)))
        {
            _since.TryRemove(uid, out _);
        }
    }
}
