using System.Globalization;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>
/// The agent's process: EdgeHub/EdgeHubService step by step, around the shipped <see cref="AgentSync"/>, and what reports there
/// are. Reader, sender and store loop take turns as threads do.
/// </summary>
internal sealed partial class SimAgent : ILinkEnd
{
    private const int StoreBatch = 128;
    private const int HeartbeatMs = 15_000;
    private const int SilenceLimitMs = 30_000;

    private readonly SimWorld _world;
    private readonly SimEdge _edge;
    private readonly SimWriter _writer;
    private readonly AgentSync _sync;
    private readonly SimOutbox _outbox;
    private readonly Dictionary<ObjectKey, KubeObject> _objects;
    private readonly Queue<Message> _inbox = new();
    private SimLink? _link;
    private bool _dead;
    private bool _listening; // the session's loops run
    private bool _paused; // the reader waits for the disk
    private bool _storing;
    private bool _sending; // the sender is in a step, or one is due
    private bool _settling;
    private bool _outboxDirty = true;
    private bool _heard;
    private long _lastHeard;
    private long _timer = long.MaxValue;
    private int _failures;
    private int _links;

    public SimAgent(SimWorld world, SimEdge edge)
    {
        _world = world;
        _edge = edge;
        _writer = new SimWriter(world, edge);
        _sync = new AgentSync(world.Options.AgentOptions);
        _objects = new(edge.Disk.Objects);
        _outbox = new SimOutbox(world, edge);
    }

    /// <summary>Whether the hub was told what this box holds, on the present link.</summary>
    public bool IsLinked => _listening;

    public AgentSync Sync => _sync;

    /// <summary>What the rest of the agent sees: the disk's objects, a moment after their commit.</summary>
    public IReadOnlyDictionary<ObjectKey, KubeObject> Objects => _objects;

    public void Start()
    {
        _world.Log($"{_edge.Name} starts");
        foreach (var key in _objects.Keys.ToArray())
        {
            Announce(key);
        }

        ConvergeAllTwins();
        Dial();
    }

    public void Die(bool silently)
    {
        _dead = true;
        _writer.Die();
        _link?.Close(SimLink.ToEdge, silently);
    }

    public void Arrived(Message message)
    {
        _lastHeard = _world.Agenda.Now;
        if (ReferenceEquals(message, SimWorld.Ping))
        {
            return;
        }

        _inbox.Enqueue(message);
        if (_listening)
        {
            Soon(Read);
        }
    }

    public void Closed() => EndLink("the hub closed the connection", silently: false);

    /// <summary>The connection is given up without a word to the hub, which is left with a session that lingers.</summary>
    public void Abandon() => EndLink("abandoned", silently: true);

    private void Soon(Action step) => _world.Agenda.After(_world.Rng.Below(3), () =>
    {
        if (!_dead)
        {
            step();
        }
    });

    private void Later(long milliseconds, Action step) => _world.Agenda.After(milliseconds, () =>
    {
        if (!_dead)
        {
            step();
        }
    });

    private void Dial() => Later(_world.Rng.Between(2, 2 * _edge.Path.Delay), () =>
    {
        if (!_world.Hub.IsReady || !_edge.Path.IsUp)
        {
            Redial();
            return;
        }

        var link = new SimLink(_world, _edge.Path);
        var session = new SimSession(_world, _edge, link);
        link.Attach(session, this);
        _link = link;
        _links++;
        _heard = false;
        _inbox.Clear();
        _lastHeard = _world.Agenda.Now;
        session.Enter();
        Register(_links);
    });

    private void Redial()
    {
        _failures = _heard ? 1 : _failures + 1;
        _heard = false;
        var full = Math.Min(500L << Math.Min(_failures - 1, 16), 30_000);
        Later((full / 2) + _world.Rng.Below((int)(full / 2)), Dial);
    }

    /// <summary>What is said first on each connection goes through the outbox.</summary>
    private void Register(int link)
    {
        var node = new ObjectKey("", ResourceTypes.Node, _edge.Name);
        _writer.Write(
            disk =>
            {
                _outbox.Put(disk, new UpstreamMessage(
                    "node", Lane.Control, false, Sources.Edged, Groups.Resource, Operations.Insert, node.ToString(),
                    SimContent.WriteRegistration(_edge.Release)));
                PutNodeStatus(disk);
            },
            taken =>
            {
                if (link != _links || _link is null)
                {
                    return;
                }

                if (!taken)
                {
                    EndLink("the disk refused the registration", silently: false);
                    return;
                }

                Listen(link);
            });
    }

    private void Listen(int link)
    {
        _sync.Connected(
            string.Create(CultureInfo.InvariantCulture, $"{_edge.Name}-{_world.NextId()}-"),
            () => _objects.Select(o => new InventoryItem(o.Key, o.Value.Uid, o.Value.ContentHash)));
        _outboxDirty = true;
        _listening = true;
        foreach (var _ in _inbox)
        {
            Soon(Read);
        }

        WakeSender();
        Heartbeat(link);
    }

    private void Heartbeat(int link)
    {
        if (link != _links || _link is null)
        {
            return;
        }

        if (_world.Agenda.Now - _lastHeard > SilenceLimitMs)
        {
            EndLink("no pong", silently: false);
            return;
        }

        _link.Send(SimLink.ToHub, SimWorld.Ping);
        Later(HeartbeatMs, () => Heartbeat(link));
    }

    private void EndLink(string reason, bool silently)
    {
        if (_link is null)
        {
            return;
        }

        _world.Log($"{_edge.Name} link ends: {reason}");
        _link.Close(SimLink.ToEdge, silently);
        _link = null;
        _listening = false;
        _paused = false;
        _inbox.Clear();
        _sync.Disconnected();

        Redial();
    }

    private void Read()
    {
        if (_paused || !_listening || !_inbox.TryDequeue(out var message))
        {
            return;
        }

        _heard = true;
        var receipt = _sync.Receive(message, _world.Agenda.Now, SimWorld.Epoch + _world.Agenda.Now);
        if (_world.Tracing)
        {
            _world.Log($"{_edge.Name} reads {message.Operation} {message.Resource} {message.Id} (answers {message.ParentId}): {receipt}");
        }

        if (receipt == Receipt.Object)
        {
            Store();
        }

        _outboxDirty |= receipt == Receipt.Retry; // there is room for another
        _paused = _sync.IsFull;
        WakeSender();
    }

    private void Store()
    {
        if (_storing)
        {
            return;
        }

        _storing = true;
        Soon(() =>
        {
            var batch = _sync.TakeStores(StoreBatch);
            if (batch.Count == 0)
            {
                _storing = false;
                return;
            }

            if (Mutant.Is(Mutations.AcknowledgeBeforeTheWrite))
            {
                _sync.Stored(batch, null, SimWorld.Epoch + _world.Agenda.Now);
                WakeSender();
            }

            _writer.Write(
                disk =>
                {
                    foreach (var stored in batch)
                    {
                        disk.Store(stored.Change);
                        _world.Oracle.CheckStored(_edge, stored.Change);
                    }
                },
                taken => Stored(batch, taken));
        });
    }

    private void Stored(IReadOnlyList<PendingStore> batch, bool taken)
    {
        if (taken)
        {
            foreach (var (change, _, _) in batch)
            {
                Apply(change);
            }
        }

        if (!Mutant.Is(Mutations.AcknowledgeBeforeTheWrite))
        {
            var error = taken || Mutant.Is(Mutations.AcknowledgeWhatFailed) ? null : "database or disk is full";
            _sync.Stored(batch, error, SimWorld.Epoch + _world.Agenda.Now);
        }

        _storing = false;
        Store();
        WakeSender();
        if (_paused && !_sync.IsFull)
        {
            _paused = false;
            foreach (var _ in _inbox)
            {
                Soon(Read);
            }
        }
    }

    private void Apply(ObjectChange change)
    {
        if (change.Object is not null)
        {
            _objects[change.Key] = change.Object;
        }
        else if (!_objects.TryGetValue(change.Key, out var present) || !SimDisk.Fits(present, change.Uid) || !_objects.Remove(change.Key))
        {
            return;
        }

        Announce(change.Key);
    }

    private void WakeSender()
    {
        if (_sending || !_listening)
        {
            return;
        }

        _sending = true;
        Soon(() =>
        {
            _sending = false;
            SendOne();
        });
    }

    private void SendOne()
    {
        if (!_listening || _settling)
        {
            return;
        }

        var settled = _sync.TakeSettled();
        if (settled.Count > 0)
        {
            _settling = true;
            _writer.Write(disk => Settle(disk, settled), _ =>
            {
                _settling = false;
                _outboxDirty = true;
                WakeSender();
            });
            return;
        }

        OfferFromOutbox();
        var now = _world.Agenda.Now;
        if (_sync.TryTake(now, SimWorld.Epoch + now, out var message))
        {
            if (_world.Tracing)
            {
                _world.Log($"{_edge.Name} sends {message.Operation} {message.Resource} {message.Id} (answers {message.ParentId}) {System.Text.Encoding.UTF8.GetString(message.Content.Span)}");
            }

            _link?.Send(SimLink.ToHub, message);
            WakeSender();
            return;
        }

        if (_sync.NextDeadline is { } due)
        {
            SetTimer(Math.Max(due, now + 1));
        }
    }

    private void SetTimer(long at)
    {
        if (at >= _timer)
        {
            return;
        }

        _timer = at;
        Later(at - _world.Agenda.Now, () =>
        {
            if (_timer == at)
            {
                _timer = long.MaxValue;
            }

            _outboxDirty = true; // a pause may have ended
            WakeSender();
        });
    }

    private void OfferFromOutbox()
    {
        if (!_outboxDirty)
        {
            return;
        }

        _outboxDirty = false;
        var now = _world.Agenda.Now;
        var entries = _outbox.Next(_edge.Disk, _sync.RoomOf, key => _sync.IsBusy(key, now), Render);
        _sync.Offer(entries, now);
        if (Mutant.Is(Mutations.SettleOnSend))
        {
            _writer.Write(disk => entries.ForEach(e => _outbox.Remove(disk, e.Message.Key, e.Seq)), _ => { });
        }
    }

    private void Settle(SimDisk disk, IReadOnlyList<Settlement> settled)
    {
        foreach (var (entry, reason) in settled)
        {
            _world.Oracle.CheckSettled(_edge, entry, reason);
            _outbox.Remove(disk, entry.Message.Key, entry.Seq);
            if (entry.Message.Key.StartsWith(TwinPrefix, StringComparison.Ordinal))
            {
                TwinSettled(disk, entry);
            }
        }
    }

    /// <summary>The outbox's signal.</summary>
    private void OutboxChanged()
    {
        _outboxDirty = true;
        WakeSender();
    }
}
