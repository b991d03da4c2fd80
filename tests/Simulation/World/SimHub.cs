using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>
/// The hub's process: the shipped caches, scope, seats and <see cref="KnownNode"/>, fed by lists and watches that lag, break and expire. It keeps nothing
/// on a disk.
/// </summary>
internal sealed class SimHub(SimWorld world)
{
    private readonly Dictionary<string, Watch> _watches = [];
    private readonly Dictionary<string, long> _left = []; // node → when its last session last heard it
    private long _lastEpoch;

    /// <summary>Counts starts; what an earlier process began does not reach a later one.</summary>
    public int Incarnation { get; private set; }

    public bool Running { get; private set; }

    public Dictionary<string, ObjectCache> Caches { get; private set; } = [];

    public NodeScope Scope { get; private set; } = null!;

    public NodeSeats<SimSession> Seats { get; private set; } = new();

    public KnownNode Known { get; private set; } = null!;

    public List<SimSession> Sessions { get; } = [];

    /// <summary>The longest that a watch event travels, milliseconds.</summary>
    public int WatchLag { get; set; } = 12;

    /// <summary>Whether every cache holds a full list: before that no node is let in.</summary>
    public bool IsReady => Running && (Mutant.Is(Mutations.ServeBeforeTheCaches) || _watches.Values.All(w => w.Listed));

    public long NextEpoch() => ++_lastEpoch;

    /// <summary>As CloudHub/NodeContacts: how long ago this process heard the node; null for never.</summary>
    public long? SilenceOf(string node) =>
        Seats.Find(node) is { } session ? world.Agenda.Now - session.LastHeard
        : _left.TryGetValue(node, out var heard) ? world.Agenda.Now - heard
        : null;

    public void NoteEnd(SimSession session) => _left[session.Node] = session.LastHeard;

    public void Start()
    {
        Running = true;
        Incarnation++;
        _lastEpoch = 0;
        Caches = SimApi.Types.ToDictionary(t => t, _ => new ObjectCache());
        Scope = new NodeScope(Caches);
        Seats = new NodeSeats<SimSession>();
        Known = new KnownNode(name => Caches[ResourceTypes.Node].Get(new("", name)), world.Time);
        _left.Clear();
        _watches.Clear();
        foreach (var type in SimApi.Types)
        {
            var watch = new Watch(type);
            _watches.Add(type, watch);
            List(watch);
        }

        world.Log($"hub starts, incarnation {Incarnation}");
    }

    /// <summary>The process dies. Its connections break, or (power loss) the edges hear nothing.</summary>
    public void Crash(bool silently)
    {
        Running = false;
        world.Log($"hub dies{(silently ? " silently" : "")}");
        foreach (var session in Sessions.ToArray())
        {
            session.Die(silently);
        }

        Sessions.Clear();
        _watches.Clear();
    }

    public void EventsAt(string type)
    {
        if (_watches.TryGetValue(type, out var watch))
        {
            Pump(watch);
        }
    }

    /// <summary>The watch's connection ends; it goes on from where it was, or, expired, with a new list.</summary>
    public void BreakWatch(string type, bool expired, int milliseconds)
    {
        if (!_watches.TryGetValue(type, out var watch) || !watch.Connected)
        {
            return;
        }

        watch.Connected = false;
        var incarnation = Incarnation;
        world.Agenda.After(milliseconds, () =>
        {
            if (incarnation != Incarnation || !Running)
            {
                return;
            }

            if (expired)
            {
                List(watch);
                return;
            }

            watch.Connected = true;
            Pump(watch);
        });
    }

    public void ApiIsBack()
    {
        foreach (var type in SimApi.Types)
        {
            BreakWatch(type, false, world.Rng.Between(50, 2000));
        }
    }

    private void List(Watch watch)
    {
        var incarnation = Incarnation;
        watch.Connected = false;
        IReadOnlyList<KubeObject> items = [];
        var position = 0;
        world.Api.Request(
            () =>
            {
                items = [.. world.Api.Objects.Values.Where(o => o.Key.Type == watch.Type).Select(o => o.Rendered)];
                position = world.Api.Log(watch.Type).Count;
                return 200;
            },
            code =>
            {
                if (incarnation != Incarnation || !Running)
                {
                    return;
                }

                if (code != 200)
                {
                    world.Agenda.After(world.Rng.Between(50, 1000), () =>
                    {
                        if (incarnation == Incarnation && Running)
                        {
                            List(watch);
                        }
                    });
                    return;
                }

                watch.Position = position;
                Caches[watch.Type].Replace(items);
                watch.Listed = true;
                watch.Connected = true;
                Pump(watch);
            });
    }

    private void Pump(Watch watch)
    {
        if (watch.Pumping || !watch.Connected || watch.Position >= world.Api.Log(watch.Type).Count)
        {
            return;
        }

        watch.Pumping = true;
        var incarnation = Incarnation;
        world.Agenda.After(world.Rng.Skewed(1, WatchLag), () =>
        {
            watch.Pumping = false;
            if (incarnation != Incarnation || !watch.Connected)
            {
                return;
            }

            var log = world.Api.Log(watch.Type);
            var most = world.Rng.Between(1, 4);
            while (most-- > 0 && watch.Position < log.Count)
            {
                var next = log[watch.Position++];
                if (next.Deleted)
                {
                    Caches[watch.Type].Remove(next.Object);
                }
                else
                {
                    Caches[watch.Type].Put(next.Object);
                }
            }

            Pump(watch);
        });
    }

    private sealed class Watch(string type)
    {
        public string Type => type;

        /// <summary>Whether a first list is in the cache.</summary>
        public bool Listed { get; set; }

        public bool Connected { get; set; }

        public bool Pumping { get; set; }

        /// <summary>Events of the log that the cache has.</summary>
        public int Position { get; set; }
    }
}
