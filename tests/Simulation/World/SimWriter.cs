namespace EdgeSync.Simulation.World;

/// <summary>
/// The edge's one writer to its disk, for the life of a process: transactions in order, several to a commit, each commit whole
/// or not at all.
/// </summary>
internal sealed class SimWriter(SimWorld world, SimEdge edge)
{
    private readonly Queue<(Action<SimDisk> Change, Action<bool> Done)> _waiting = new();
    private bool _busy;
    private bool _dead;

    /// <summary>The process died: what is not committed is lost.</summary>
    public void Die()
    {
        _dead = true;
        _waiting.Clear();
    }

    /// <summary>Writes a transaction.</summary>
    /// <param name="change">What it does, at its commit.</param>
    /// <param name="done">True when it is on the disk, false when the disk refused; never called once the process is dead.</param>
    public void Write(Action<SimDisk> change, Action<bool> done)
    {
        _waiting.Enqueue((change, done));
        if (!_busy)
        {
            _busy = true;
            Commit();
        }
    }

    private void Commit()
    {
        world.Agenda.After(world.Rng.Skewed(1, edge.DiskDelay), () =>
        {
            if (_dead)
            {
                return;
            }

            var count = world.Rng.Between(1, _waiting.Count);
            var taken = !edge.DiskFull;
            for (; count > 0; count--)
            {
                var (change, done) = _waiting.Dequeue();
                if (taken)
                {
                    change(edge.Disk);
                }

                // the writer's caller goes on a moment later, on a thread of its own: on a busy box, when it gets the processor
                world.Agenda.After(world.Rng.Below(edge.ThreadDelay), () =>
                {
                    if (!_dead)
                    {
                        done(taken);
                    }
                });
            }

            _busy = _waiting.Count > 0;
            if (_busy)
            {
                Commit();
            }
        });
    }
}
