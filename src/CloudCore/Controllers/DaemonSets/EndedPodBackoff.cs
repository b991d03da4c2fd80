using System.Collections.Concurrent;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// How soon a failed or finished daemon pod may be replaced: at once, then after 1 s, doubling to 15 min, per
/// DaemonSet and node (Kubernetes' failedPodsBackoff). Quiet for twice the longest wait begins anew.
/// </summary>
internal sealed class EndedPodBackoff(TimeProvider time)
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_cap = TimeSpan.FromMinutes(15);

    private readonly ConcurrentDictionary<(string Owner, string Node), (TimeSpan Wait, DateTimeOffset Last)> _entries = new();

    /// <summary>Zero, where it may be replaced now.</summary>
    public TimeSpan Left(string owner, string node)
    {
        if (!_entries.TryGetValue((owner, node), out var entry))
        {
            return TimeSpan.Zero;
        }

        var left = entry.Last + entry.Wait - time.GetUtcNow();
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    public void NoteReplaced(string owner, string node)
    {
        var now = time.GetUtcNow();
        _entries.AddOrUpdate(
            (owner, node),
            _ => (s_first, now),
            (_, entry) => (now - entry.Last > 2 * s_cap ? s_first : entry.Wait * 2 < s_cap ? entry.Wait * 2 : s_cap, now));
    }

    /// <summary>Frees what is kept for owners that are no more.</summary>
    public void Retain(IReadOnlySet<string> owners)
    {
        foreach (var key in _entries.Keys.Where(key => !owners.Contains(key.Owner)))
        {
            _entries.TryRemove(key, out _);
        }
    }
}
