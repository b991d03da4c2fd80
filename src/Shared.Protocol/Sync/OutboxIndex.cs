namespace EdgeSync.Protocol.Sync;

/// <summary>What a waiting message is, which says whether it may be lost.</summary>
public enum OutboxKind
{
    /// <summary>The last value of its key: node and pod status, twins. Bounded by the keys, never dropped.</summary>
    LastValue = 0,

    /// <summary>A Kubernetes Event. The first to go when there is too much.</summary>
    Event = 1,

    /// <summary>A message of an app on the box. Goes when no event is left to go.</summary>
    Routed = 2,
}

/// <summary>How much may wait for the hub.</summary>
public sealed record OutboxLimits
{
    /// <summary>Bytes of content of everything that waits.</summary>
    public long MaxBytes { get; init; } = 64L << 20;

    /// <summary>Events that wait.</summary>
    public int MaxEvents { get; init; } = 1_000;

    /// <summary>Routed messages that wait.</summary>
    public int MaxRouted { get; init; } = 50_000;
}

/// <summary>A message that waits, without its content.</summary>
/// <param name="Key"><see cref="UpstreamMessage.Key"/>.</param>
/// <param name="Seq">Its number, which grows with every put.</param>
/// <param name="Lane">Its place in the order of sending.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Bytes">The size of its content; 0 where that is made on sending.</param>
public readonly record struct OutboxItem(string Key, long Seq, Lane Lane, OutboxKind Kind, int Bytes);

/// <summary>
/// What the outbox holds and every decision about it: what is sent next, what takes the place of what, and what goes when there
/// is too much. Pure; the store does the same in one transaction with what it decides. Of too much goes, oldest first, what is over
/// its kind's own limit, then events, then routed messages; last values never go. Messages of one key keep their order.
/// </summary>
public sealed class OutboxIndex(OutboxLimits limits)
{
    private static readonly Comparer<KeyQueue> s_byAge = Comparer<KeyQueue>.Create((a, b) => a.Head.Seq.CompareTo(b.Head.Seq));

    private readonly Dictionary<string, KeyQueue> _keys = new(StringComparer.Ordinal);
    private readonly SortedSet<KeyQueue>[] _lanes = [new(s_byAge), new(s_byAge), new(s_byAge), new(s_byAge)];
    private readonly SortedSet<KeyQueue>[] _kinds = [new(s_byAge), new(s_byAge), new(s_byAge)];
    private readonly int[] _counts = new int[3];

    /// <summary>Messages that wait.</summary>
    public int Count => _counts.Sum();

    /// <summary>The bytes of their contents.</summary>
    public long Bytes { get; private set; }

    /// <summary>Messages of a kind that wait.</summary>
    public int CountOf(OutboxKind kind) => _counts[(int)kind];

    /// <summary>The waiting last value of the key, whose place a new one takes; null where none waits.</summary>
    public OutboxItem? LastValueOf(string key) =>
        _keys.TryGetValue(key, out var queue) && queue.Head.Kind == OutboxKind.LastValue ? queue.Head : null;

    /// <summary>Adds a message; a last value takes the place of the one before it.</summary>
    /// <param name="item">The message.</param>
    /// <returns>What has to go for it, in the order in which it goes; <paramref name="item"/> itself may be among it.</returns>
    public IReadOnlyList<OutboxItem> Put(OutboxItem item)
    {
        if (LastValueOf(item.Key) is { } replaced)
        {
            Remove(replaced.Key, replaced.Seq);
        }

        Add(item);
        if (Bytes <= limits.MaxBytes && !IsOver(OutboxKind.Event) && !IsOver(OutboxKind.Routed))
        {
            return [];
        }

        var dropped = new List<OutboxItem>();
        while (NextToDrop() is { } oldest)
        {
            Remove(oldest.Key, oldest.Seq);
            dropped.Add(oldest);
        }

        return dropped;
    }

    /// <summary>Adds a message as it was stored, without any decision.</summary>
    public void Add(OutboxItem item)
    {
        if (_keys.TryGetValue(item.Key, out var queue))
        {
            (queue.Rest ??= new Queue<OutboxItem>()).Enqueue(item);
        }
        else
        {
            queue = new KeyQueue { Head = item };
            _keys.Add(item.Key, queue);
            Link(queue);
        }

        _counts[(int)item.Kind]++;
        Bytes += item.Bytes;
    }

    /// <summary>The message is done. One that is not the oldest of its key is left alone: it has been removed before.</summary>
    public void Remove(string key, long seq)
    {
        if (!_keys.TryGetValue(key, out var queue) || queue.Head.Seq != seq)
        {
            return;
        }

        _lanes[(int)queue.Head.Lane].Remove(queue);
        _kinds[(int)queue.Head.Kind].Remove(queue);
        _counts[(int)queue.Head.Kind]--;
        Bytes -= queue.Head.Bytes;
        if (queue.Rest?.TryDequeue(out var next) == true)
        {
            queue.Head = next;
            Link(queue);
        }
        else
        {
            _keys.Remove(key);
        }
    }

    /// <summary>Forgets everything, before it is read anew.</summary>
    public void Clear()
    {
        _keys.Clear();
        Array.ForEach(_lanes, lane => lane.Clear());
        Array.ForEach(_kinds, kind => kind.Clear());
        Array.Clear(_counts);
        Bytes = 0;
    }

    /// <summary>What to send next: of each lane the oldest first, and of each key only its oldest.</summary>
    /// <param name="room">How many messages a lane may send, those of the lanes before it counted in.</param>
    /// <param name="isBusy">Whether a message of the key is on its way, or waits to be tried again.</param>
    public IReadOnlyList<OutboxItem> Next(Func<Lane, int> room, Predicate<string> isBusy)
    {
        var next = new List<OutboxItem>();
        for (var lane = Lane.Control; lane <= Lane.Bulk; lane++)
        {
            var most = _lanes[(int)lane].Count == 0 ? 0 : room(lane);
            foreach (var queue in _lanes[(int)lane])
            {
                if (next.Count >= most)
                {
                    break;
                }

                if (!isBusy(queue.Head.Key))
                {
                    next.Add(queue.Head);
                }
            }
        }

        return next;
    }

    private bool IsOver(OutboxKind kind) => _counts[(int)kind] > (kind == OutboxKind.Event ? limits.MaxEvents : limits.MaxRouted);

    private OutboxItem? NextToDrop()
    {
        foreach (var kind in (ReadOnlySpan<OutboxKind>)[OutboxKind.Event, OutboxKind.Routed])
        {
            if (IsOver(kind))
            {
                return _kinds[(int)kind].Min!.Head;
            }
        }

        return Bytes <= limits.MaxBytes ? null : (_kinds[(int)OutboxKind.Event].Min ?? _kinds[(int)OutboxKind.Routed].Min)?.Head;
    }

    private void Link(KeyQueue queue)
    {
        _lanes[(int)queue.Head.Lane].Add(queue);
        _kinds[(int)queue.Head.Kind].Add(queue);
    }

    /// <summary>The messages of one key, oldest first.</summary>
    private sealed class KeyQueue
    {
        public OutboxItem Head { get; set; }

        /// <summary>Those after the first; null while there was never a second.</summary>
        public Queue<OutboxItem>? Rest { get; set; }
    }
}
