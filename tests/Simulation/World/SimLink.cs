using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>One end of a connection.</summary>
internal interface ILinkEnd
{
    /// <summary>A frame arrived; frames that are not read yet wait at the end.</summary>
    void Arrived(Message message);

    /// <summary>The other end closed, or the connection broke.</summary>
    void Closed();
}

/// <summary>What the network between one edge and the hub is like now; every connection of the edge sees it.</summary>
internal sealed class SimPath
{
    /// <summary>From edge to hub, and from hub to edge: frames wait, as TCP's do until it gives up.</summary>
    public bool[] Cut { get; } = new bool[2];

    /// <summary>The longest that a frame travels, milliseconds.</summary>
    public int Delay { get; set; } = 10;

    /// <summary>One frame in so many is lost, and one comes twice; 0 for none, as TCP promises.</summary>
    public int OneInLost { get; set; }

    public List<SimLink> Links { get; } = [];

    public bool IsUp => !Cut[0] && !Cut[1];

    public void Set(bool up, bool down, SimWorld world)
    {
        Cut[0] = up;
        Cut[1] = down;
        foreach (var link in Links.ToArray())
        {
            link.PathChanged(world);
        }
    }
}

/// <summary>
/// One WebSocket over TCP: in each direction frames arrive in order, or, where the path is cut, wait and then arrive in order,
/// or never, when the connection is given up. An end that goes without a word (power loss) leaves the other one waiting.
/// </summary>
internal sealed class SimLink(SimWorld world, SimPath path)
{
    public const int ToHub = 0;
    public const int ToEdge = 1;

    private readonly long[] _lastArrival = new long[2];
    private readonly Queue<Message?>[] _held = [new(), new()]; // null: the other end's close
    private readonly ILinkEnd?[] _ends = new ILinkEnd?[2]; // by direction: who receives

    public void Attach(ILinkEnd hub, ILinkEnd edge)
    {
        _ends[ToHub] = hub;
        _ends[ToEdge] = edge;
        path.Links.Add(this);
    }

    /// <summary>Sends; a null message is the close.</summary>
    public void Send(int direction, Message? message)
    {
        if (_ends[1 - direction] is null)
        {
            return;
        }

        var copies = 1;
        if (message is not null && path.OneInLost > 0)
        {
            copies = world.Rng.OneIn(path.OneInLost) ? 0 : world.Rng.OneIn(path.OneInLost) ? 2 : 1;
        }

        for (; copies > 0; copies--)
        {
            Travel(direction, message);
        }
    }

    private void Travel(int direction, Message? message)
    {
        var arrival = Math.Max(_lastArrival[direction], world.Agenda.Now + world.Rng.Skewed(1, path.Delay));
        _lastArrival[direction] = arrival;
        world.Agenda.After(arrival - world.Agenda.Now, () => Arrive(direction, message));
    }

    /// <summary>The end that receives <paramref name="direction"/> closes; what was under way to it is lost.</summary>
    /// <param name="direction">What it received.</param>
    /// <param name="silently">The other end is not told.</param>
    public void Close(int direction, bool silently)
    {
        if (_ends[direction] is null)
        {
            return;
        }

        if (!silently)
        {
            Send(1 - direction, null);
        }

        _ends[direction] = null;
        if (_ends[1 - direction] is null)
        {
            path.Links.Remove(this);
        }
    }

    /// <summary>The connection breaks at both ends, with all that is under way.</summary>
    public void Break()
    {
        for (var direction = 0; direction < 2; direction++)
        {
            if (_ends[direction] is { } end)
            {
                _ends[direction] = null;
                end.Closed();
            }
        }

        path.Links.Remove(this);
    }

    public void PathChanged(SimWorld owner)
    {
        for (var direction = 0; direction < 2; direction++)
        {
            var healed = direction;
            if (!path.Cut[direction] && _held[direction].Count > 0)
            {
                owner.Agenda.After(1, () => Drain(healed));
            }
        }
    }

    private void Drain(int direction)
    {
        while (!path.Cut[direction] && _held[direction].TryDequeue(out var message))
        {
            Deliver(direction, message);
        }
    }

    private void Arrive(int direction, Message? message)
    {
        // what waits stays before what comes later
        if (path.Cut[direction] || _held[direction].Count > 0)
        {
            _held[direction].Enqueue(message);
            return;
        }

        Deliver(direction, message);
    }

    private void Deliver(int direction, Message? message)
    {
        if (_ends[direction] is not { } end)
        {
            return;
        }

        if (message is not null)
        {
            end.Arrived(message);
            return;
        }

        _ends[direction] = null;
        if (_ends[1 - direction] is null)
        {
            path.Links.Remove(this);
        }

        end.Closed();
    }
}
