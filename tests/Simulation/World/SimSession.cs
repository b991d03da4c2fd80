using System.Globalization;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>
/// The hub's end of one connection: CloudHub/EdgeSession and CloudHubEndpoint step by step, around the shipped
/// <see cref="HubSync"/>. Reader, sender and request worker take turns as threads do: a step at a time, in any order.
/// </summary>
internal sealed class SimSession : ILinkEnd
{
    private const long SilenceLimitMs = 30_000;

    private readonly SimWorld _world;
    private readonly SimLink _link;
    private readonly HubSync _sync;
    private readonly HashSet<ObjectKey> _noted = [];
    private readonly Queue<Message> _inbox = new();
    private readonly Queue<Message> _requests = new();
    private readonly Dictionary<string, (ObjectKey Key, HeldObject? Object)> _onTheWay = [];
    private readonly Dictionary<ObjectKey, HeldObject> _wanted = [];
    private readonly HashSet<ObjectKey> _unsure = []; // on the way, or refused: the node may hold this or that
    private readonly HashSet<ObjectKey> _changed = [];
    private readonly HashSet<string> _unknownTypes = []; // asked for
    private IReadOnlyList<TypeDigest>? _digest;
    private bool _wasOpen;
    private IDisposable? _listener;
    private long _lastHeard;
    private long _timer = long.MaxValue;
    private bool _senderDue;
    private SeenNode _seen;
    private bool _working;
    private bool _left;

    public SimSession(SimWorld world, SimEdge edge, SimLink link)
    {
        _world = world;
        _link = link;
        Edge = edge;
        Epoch = world.Hub.NextEpoch();
        _lastHeard = world.Agenda.Now;

        // as CloudHubEndpoint: half of the limit after which a controller takes a node for dead
        Identity = new SessionIdentity(edge.Name, Epoch, Extended: true, "hub") { WasNear = world.Hub.SilenceOf(edge.Name) < SilenceLimitMs / 2 };
        _sync = new HubSync(world.Options.HubOptions with
        {
            IdPrefix = string.Create(CultureInfo.InvariantCulture, $"{world.Agenda.Now:x}-{world.Hub.Incarnation:x}.{Epoch:x}-"),
        });
    }

    public SimEdge Edge { get; }

    public string Node => Edge.Name;

    public long Epoch { get; }

    public SessionIdentity Identity { get; }

    public long LastHeard => _lastHeard;

    public bool Begun { get; private set; }

    public bool Ended { get; private set; }

    /// <summary>The disk that the inventory was of; null before it.</summary>
    public SimDisk? Disk { get; private set; }

    /// <summary>What the hub takes for held, by the messages that it had acknowledged.</summary>
    public Dictionary<ObjectKey, HeldObject> Held { get; } = [];

    public HubSync Sync => _sync;

    /// <summary>Whether the hub does not claim to know what the node holds there.</summary>
    public bool IsUnsure(ObjectKey key) => _digest is not null || _unsure.Contains(key) || _unknownTypes.Contains(key.Type);

    /// <summary>Whether the wish changed after the node said what it holds.</summary>
    public bool ChangedSinceOpen(ObjectKey key) => _changed.Contains(key);

    /// <summary>A connection was accepted: the newest takes the seat.</summary>
    public void Enter()
    {
        _world.Hub.Sessions.Add(this);
        var seats = _world.Hub.Seats;
        if (!seats.TryEnter(Node, Epoch, this, out var previous))
        {
            _left = true;
            End("an older connection");
            return;
        }

        _world.Log($"{Node} session {Epoch} enters");
        if (Mutant.Is(Mutations.IgnoreTheEpoch) || seats.MayBegin(Node, this))
        {
            Begin();
        }

        if (previous is not null && !Mutant.Is(Mutations.IgnoreTheEpoch))
        {
            previous.End("a newer connection took over");
        }
    }

    public void Arrived(Message message)
    {
        _inbox.Enqueue(message);
        if (Begun)
        {
            Soon(Read);
        }
    }

    public void Closed() => End("the node closed the connection");

    /// <summary>The hub's process is gone.</summary>
    public void Die(bool silently)
    {
        Ended = true;
        _left = true;
        _listener?.Dispose();
        _link.Close(SimLink.ToHub, silently);
    }

    public void End(string reason)
    {
        if (Ended)
        {
            return;
        }

        Ended = true;
        _world.Log($"{Node} session {Epoch} ends: {reason}");
        _link.Close(SimLink.ToHub, silently: false);
        _listener?.Dispose();
        _world.Hub.Sessions.Remove(this);
        LeaveWhenDone();
    }

    private void Begin()
    {
        if (Ended || Begun)
        {
            return;
        }

        Begun = true;
        _listener = _world.Hub.Scope.Listen(Node, OnChanged);
        WakeSender();
        foreach (var _ in _inbox)
        {
            Soon(Read);
        }

        WatchSilence();
    }

    private void LeaveWhenDone()
    {
        if (_left || !Ended || _working)
        {
            return;
        }

        _left = true;
        _world.Hub.NoteEnd(this);
        if (_world.Hub.Seats.Leave(Node, this, out var next))
        {
            next.Begin();
        }
    }

    private void OnChanged(ObjectKey key)
    {
        _noted.Add(key);
        WakeSender();
    }

    private void Soon(Action step) => _world.Agenda.After(_world.Rng.Below(3), () =>
    {
        if (!Ended)
        {
            step();
        }
    });

    private void WatchSilence()
    {
        var left = SilenceLimitMs - (_world.Agenda.Now - _lastHeard);
        if (left <= 0)
        {
            End("nothing was heard");
            return;
        }

        _world.Agenda.After(left, () =>
        {
            if (!Ended)
            {
                WatchSilence();
            }
        });
    }

    private void Read()
    {
        if (!_inbox.TryDequeue(out var message))
        {
            return;
        }

        _lastHeard = _world.Agenda.Now;
        if (_world.Tracing && message.Operation != Operations.Keepalive)
        {
            _world.Log($"{Node} session {Epoch} reads {message.Operation} {message.Resource} {message.Id} (answers {message.ParentId})");
        }

        switch (message.Operation)
        {
            case Operations.Keepalive:
                // a WebSocket pong
                _link.Send(SimLink.ToEdge, SimWorld.Ping);
                break;
            case Operations.Response:
                Acknowledge(message.ParentId);
                break;
            case Operations.Error:
                if (Mutant.Is(Mutations.ErrorCountsAsTaken))
                {
                    Acknowledge(message.ParentId);
                    break;
                }

                Refuse(message);
                break;
            case Operations.Inventory:
                ReceiveInventory(message);
                break;
            default:
                _requests.Enqueue(message);
                Work();
                break;
        }
    }

    private void Acknowledge(string id)
    {
        if (!_sync.Acknowledge(id))
        {
            return;
        }

        var (key, stored) = _onTheWay[id];
        _onTheWay.Remove(id);
        _unsure.Remove(key);
        if (stored is { } held)
        {
            Held[key] = held;
        }
        else if (Held.Remove(key, out var removed) && _world.Hub.Caches[key.Type].Get(new(key.Namespace, key.Name))?.Uid != removed.Uid)
        {
            // not merely of no use to the node any more: the hub knows that it is gone
            Edge.AcknowledgedGone(removed.Uid);
        }

        _world.Oracle.CheckHeld(this, key, "acknowledged");
        WakeSender();
    }

    private void Refuse(Message message)
    {
        _sync.SetTime(_world.Agenda.Now, SimWorld.Epoch + _world.Agenda.Now);
        if (_sync.Refuse(message.ParentId, "refused"))
        {
            // what it holds is known again when it has acknowledged something
            _onTheWay.Remove(message.ParentId);
        }

        WakeSender();
    }

    private void ReceiveInventory(Message message)
    {
        _sync.ReceiveInventory(message);
        var report = Inventory.Read(message.Content);
        Disk = Edge.Disk;
        if (report.Digest is not null)
        {
            _digest = report.Digest;
        }
        else
        {
            _digest = null;
            foreach (var item in report.Objects)
            {
                Held[item.Key] = new HeldObject(item.Uid, item.ContentHash);
            }

            _unknownTypes.Clear();
        }

        NoteOpen();
        WakeSender();
    }

    /// <summary>What the hub will believe once it has compared the digest with what it wants now.</summary>
    private void BelieveDigest(IReadOnlyList<TypeDigest> held)
    {
        Held.Clear();
        var wanted = Inventory.Digest(_wanted.Select(w => new InventoryItem(w.Key, w.Value.Uid, w.Value.ContentHash)));
        var equal = wanted.Intersect(held).Select(w => w.Type).ToHashSet();
        foreach (var (key, version) in _wanted)
        {
            if (equal.Contains(key.Type))
            {
                Held[key] = version;
            }
        }

        _unknownTypes.Clear();
        _unknownTypes.UnionWith(held.Where(h => h.Count > 0 && !equal.Contains(h.Type)).Select(h => h.Type));
        _digest = null;
    }

    private void NoteOpen()
    {
        if (_sync.IsOpen && !_wasOpen)
        {
            _changed.Clear();
        }

        _wasOpen = _sync.IsOpen;
    }

    private void WakeSender()
    {
        if (_senderDue || !Begun)
        {
            return;
        }

        _senderDue = true;
        Soon(() =>
        {
            _senderDue = false;
            SendOne();
        });
    }

    private void SendOne()
    {
        var now = _world.Agenda.Now;
        if (TakeNotes() is { } reason)
        {
            End(reason);
            return;
        }

        _world.Oracle.CheckMemory(this);
        if (_digest is { } digest)
        {
            BelieveDigest(digest);
        }

        var any = _sync.TryTake(now, SimWorld.Epoch + now, out var message);
        NoteOpen();
        if (any)
        {
            if (_world.Tracing)
            {
                _world.Log($"{Node} session {Epoch} sends {message.Operation} {message.Resource} {message.Id} rv {message.ResourceVersion} (answers {message.ParentId})");
            }

            NoteSent(message);
            _link.Send(SimLink.ToEdge, message);
            WakeSender();
            return;
        }

        if (_sync.NextDeadline is { } due)
        {
            SetTimer(Math.Max(due, now + 1));
        }
    }

    private void NoteSent(Message message)
    {
        if (message.ParentId.Length > 0)
        {
            if (message.Operation == Operations.Response)
            {
                _world.Oracle.CheckSynced(this);
            }

            return;
        }

        _ = ObjectKey.TryParse(message.Resource, out var key);
        HeldObject? carried = null;
        if (message.Operation != Operations.Delete)
        {
            var sent = KubeObject.Parse(message.Content);
            carried = new HeldObject(sent.Uid, sent.ContentHash);
            _world.Oracle.CheckOwn(Node, key, sent);
        }
        else
        {
            _world.Oracle.CheckDelete(this, key, KubeObject.Parse(message.Content).Uid);
        }

        if (_onTheWay.TryAdd(message.Id, (key, carried)))
        {
            _unsure.Add(key);
        }
    }

    private void SetTimer(long at)
    {
        if (at >= _timer)
        {
            return;
        }

        _timer = at;
        _world.Agenda.After(at - _world.Agenda.Now, () =>
        {
            if (_timer == at)
            {
                _timer = long.MaxValue;
            }

            if (!Ended)
            {
                WakeSender();
            }
        });
    }

    /// <summary>Why the session has to end (the node is to register anew); null where it goes on.</summary>
    private string? TakeNotes()
    {
        if (_noted.Count == 0)
        {
            return null;
        }

        foreach (var key in _noted)
        {
            var wanted = _world.Hub.Scope.Lookup(Node, key);
            if (key.Type == ResourceTypes.Node && _seen.Look(wanted) is { } reason)
            {
                return reason;
            }

            _changed.Add(key);
            if (wanted is not null)
            {
                _sync.Want(key, wanted);
                _wanted[key] = new HeldObject(wanted.Uid, wanted.ContentHash);
            }
            else
            {
                _sync.Forget(key);
                _wanted.Remove(key);
            }
        }

        _noted.Clear();
        return null;
    }

    private void Work()
    {
        if (_working || Ended || !_requests.TryDequeue(out var request))
        {
            return;
        }

        _working = true;
        var incarnation = _world.Hub.Incarnation;
        new SimUpstream(_world, this, request).Handle(reply =>
        {
            if (incarnation != _world.Hub.Incarnation || !_world.Hub.Running)
            {
                return;
            }

            _working = false;
            if (Ended)
            {
                LeaveWhenDone();
                return;
            }

            _link.Send(SimLink.ToEdge, reply);
            Work();
        });
    }
}
