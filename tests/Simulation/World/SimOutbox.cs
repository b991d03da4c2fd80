using EdgeSync.Protocol.Sync;

namespace EdgeSync.Simulation.World;

/// <summary>
/// MetaManager/Outbox step by step, around the shipped <see cref="OutboxIndex"/>, for the life of a process: the index is read from
/// the disk at start. Every method runs in its caller's transaction.
/// </summary>
internal sealed class SimOutbox
{
    public const string RoutedPrefix = "bus/";

    private readonly OutboxIndex _index;
    private readonly SimEdge _edge;

    public SimOutbox(SimWorld world, SimEdge edge)
    {
        _edge = edge;
        _index = new OutboxIndex(world.Options.OutboxLimits);
        foreach (var (seq, message) in edge.Disk.Outbox)
        {
            _index.Add(new OutboxItem(message.Key, seq, message.Lane, message.Kind, message.Content?.Length ?? 0));
        }
    }

    public void Put(SimDisk disk, UpstreamMessage message)
    {
        if (Mutant.Is(Mutations.CoalesceEach) && message.Each)
        {
            message = message with { Each = false, Key = "event" };
        }

        long? number = null;
        if (!message.Each && _index.LastValueOf(message.Key) is { } replaced)
        {
            disk.Outbox.Remove(replaced.Seq);
            number = Mutant.Is(Mutations.PutKeepsItsNumber) ? replaced.Seq : null;
        }

        foreach (var gone in _index.Put(disk.Insert(message, number)))
        {
            // counted as dropped: nobody waits for it any more
            _edge.Events.Remove(gone.Key);
            if (gone.Key.StartsWith(RoutedPrefix, StringComparison.Ordinal))
            {
                _edge.Routed[gone.Key[RoutedPrefix.Length..]].Remove(SimContent.Read(disk.Outbox[gone.Seq].Content).Sequence);
            }

            disk.Outbox.Remove(gone.Seq);
        }
    }

    public void PutOnce(SimDisk disk, UpstreamMessage message)
    {
        if (_index.LastValueOf(message.Key) is null)
        {
            Put(disk, message);
        }
    }

    public void Forget(SimDisk disk, string key)
    {
        if (_index.LastValueOf(key) is { } waiting)
        {
            Remove(disk, key, waiting.Seq);
        }
    }

    /// <summary>Removes an entry that is done; one that was put again meanwhile has another number and stays.</summary>
    public void Remove(SimDisk disk, string key, long seq)
    {
        var number = Mutant.Is(Mutations.SettleByKey) && _index.LastValueOf(key) is { } newest ? newest.Seq : seq;
        disk.Outbox.Remove(number);
        _index.Remove(key, number);
    }

    public List<OutboxEntry> Next(SimDisk disk, Func<Lane, int> room, Predicate<string> isBusy, Func<OutboxEntry, OutboxEntry> render)
    {
        var next = new List<OutboxEntry>();
        foreach (var item in _index.Next(room, isBusy))
        {
            if (disk.Outbox.TryGetValue(item.Seq, out var message))
            {
                next.Add(render(new OutboxEntry(item.Seq, message)));
            }
        }

        return next;
    }
}
