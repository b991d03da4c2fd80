using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// What a session has to send, in order of urgency. Four lanes: control; pods and what configures them; devices and their
/// models; all else. Within a lane configuration goes before the pods that need it and models before their devices. The order
/// is strict but for one thing: whoever was passed over often enough has the next turn.
/// </summary>
internal sealed class SendQueues(int mostBefore)
{
    public const int Lanes = 4;

    private const int Ranks = 6;
    private static ReadOnlySpan<byte> LaneOfRank => [0, 1, 1, 2, 2, 3];

    private readonly Rank[] _ranks = new Rank[Ranks];

    public static int LaneOf(string type) => LaneOfRank[RankOf(type)];

    public void Enqueue(HubEntry entry)
    {
        entry.IsQueued = true;
        entry.NextQueued = null;
        ref var rank = ref _ranks[RankOf(entry.Key.Type)];
        if (rank.Tail is null)
        {
            rank.Head = entry;
        }
        else
        {
            rank.Tail.NextQueued = entry;
        }

        rank.Tail = entry;
    }

    /// <summary>The next entry of a lane that may send; null where there is none.</summary>
    /// <param name="mayLaunch">By lane, whether its window has room.</param>
    public HubEntry? Dequeue(ReadOnlySpan<bool> mayLaunch)
    {
        var chosen = -1;
        for (var i = 0; i < Ranks; i++)
        {
            ref var rank = ref _ranks[i];
            if (rank.Head is not null && mayLaunch[LaneOfRank[i]] && (chosen < 0 || rank.PassedOver >= mostBefore))
            {
                chosen = i;
            }
        }

        if (chosen < 0)
        {
            return null;
        }

        for (var i = chosen + 1; i < Ranks; i++)
        {
            ref var later = ref _ranks[i];
            later.PassedOver = later.Head is null ? 0 : later.PassedOver + 1;
        }

        ref var from = ref _ranks[chosen];
        var entry = from.Head!;
        from.PassedOver = 0;
        from.Head = entry.NextQueued;
        from.Tail = from.Head is null ? null : from.Tail;
        entry.NextQueued = null;
        entry.IsQueued = false;
        return entry;
    }

    /// <summary>What is queued, in its order; entries may have become clean meanwhile.</summary>
    public IEnumerable<HubEntry> Waiting()
    {
        foreach (var rank in _ranks)
        {
            for (var entry = rank.Head; entry is not null; entry = entry.NextQueued)
            {
                yield return entry;
            }
        }
    }

    private static int RankOf(string type) => type switch
    {
        ResourceTypes.Node => 0,
        ResourceTypes.ConfigMap or ResourceTypes.Secret => 1,
        ResourceTypes.Pod => 2,
        ResourceTypes.DeviceModel => 3,
        ResourceTypes.Device => 4,
        _ => 5,
    };

    private struct Rank
    {
        public HubEntry? Head;
        public HubEntry? Tail;
        public int PassedOver;
    }
}
