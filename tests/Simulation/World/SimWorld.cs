using System.Globalization;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>How a world is made.</summary>
internal sealed record WorldOptions
{
    public required ulong Seed { get; init; }

    /// <summary>Edges; 0 lets the seed choose 2 to 5.</summary>
    public int Edges { get; init; }

    /// <summary>Things done from outside, faults included.</summary>
    public int Acts { get; init; } = 160;

    public bool Trace { get; init; }

    public AgentSyncOptions AgentOptions { get; init; } = new();

    public OutboxLimits OutboxLimits { get; init; } = new();

    public HubSyncOptions HubOptions { get; init; } = new() { IdPrefix = "" };
}

/// <summary>How a world went.</summary>
/// <param name="Broken">Null where every promise held.</param>
/// <param name="Steps">Things that happened in it.</param>
/// <param name="SimulatedMs">How long it lasted, by its own clock.</param>
/// <param name="Trace">What happened, where it was asked for.</param>
internal sealed record Outcome(Violation? Broken, long Steps, long SimulatedMs, IReadOnlyList<string> Trace);

/// <summary>One world from one seed: an API, a hub, edges, and what is done to them.</summary>
internal sealed partial class SimWorld
{
    /// <summary>Unix milliseconds at the world's beginning.</summary>
    public const long Epoch = 1_767_225_600_000;

    /// <summary>How long after the last fault everything must be as it should be: two silences, a backoff, a resend, each at its cap.</summary>
    public const long SettleMs = 240_000;

    /// <summary>More keys than a world has.</summary>
    public const int MostKeys = 64;

    private readonly List<string> _trace = [];
    private readonly IReadOnlyList<Act> _plan;
    private long _ids;
    private long _sequence;

    public SimWorld(WorldOptions options, IReadOnlyList<Act>? plan = null)
    {
        Options = options;
        Rng = new Xoshiro(options.Seed);
        var edges = options.Edges > 0 ? options.Edges : Rng.Between(2, 5);
        Options = options with
        {
            // small windows find what large ones hide
            HubOptions = options.HubOptions with { Window = Rng.Of([1, 2, 8, 64]), WindowBytes = Rng.Of([400, 1 << 20]) },
            AgentOptions = options.AgentOptions with { Window = Rng.Of([1, 2, 8, 32]), MaxUnstored = Rng.Of([1, 4, 256]) },
            OutboxLimits = options.OutboxLimits with { MaxEvents = Rng.Of([3, 1000]), MaxRouted = Rng.Of([2, 1000]) },
        };
        _plan = plan ?? Plan.Make(options.Seed, options.Acts);
        Time = new SimTime(Agenda);
        Oracle = new SimOracle(this);
        Hub = new SimHub(this);
        Api = new SimApi(this);
        Edges = [.. Enumerable.Range(0, edges).Select(i => new SimEdge(this, i))];
    }

    /// <summary>A frame that only says that its sender lives.</summary>
    public static Message Ping { get; } = new() { Id = "ping", Operation = Operations.Keepalive };

    public WorldOptions Options { get; }

    public bool Tracing => Options.Trace;

    public Xoshiro Rng { get; }

    public Agenda Agenda { get; } = new();

    public TimeProvider Time { get; }

    public SimApi Api { get; }

    public SimHub Hub { get; }

    public SimOracle Oracle { get; }

    public IReadOnlyList<SimEdge> Edges { get; }

    public string NextId() => (++_ids).ToString(CultureInfo.InvariantCulture);

    /// <summary>Grows with everything that is reported, in the order in which it happened.</summary>
    public long NextSequence() => ++_sequence;

    public void Log(string text)
    {
        if (Tracing)
        {
            _trace.Add(string.Create(CultureInfo.InvariantCulture, $"{Agenda.Now,7} ms  {text}"));
        }
    }

    /// <summary>Runs the world to its end.</summary>
    public Outcome Run()
    {
        // the shipped code's awaits go on where they are completed, not on a thread of the caller's
        var callers = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        Violation? broken = null;
        try
        {
            RunThrough();
        }
        catch (Violation e)
        {
            broken = e;
        }
        catch (Exception e)
        {
            broken = new Violation(Promises.NoException, $"{e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n').FirstOrDefault()?.Trim()}");
            Log(e.ToString());
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(callers);
        }

        return new Outcome(broken, Agenda.Steps, Agenda.Now, _trace);
    }

    private void RunThrough()
    {
        Hub.Start();
        foreach (var edge in Edges)
        {
            edge.Start();
        }

        var end = 0L;
        foreach (var act in _plan)
        {
            Agenda.After(act.At, () => Do(act));
            end = Math.Max(end, act.At + 1);
        }

        while (Agenda.Step(end))
        {
        }

        Heal();
        Settle();
    }

    private void Settle()
    {
        var deadline = Agenda.Now + SettleMs;
        string? difference = "";
        while (difference is not null)
        {
            Oracle.Check(Agenda.Now < deadline, Promises.Converges, $"{SettleMs / 1000} s after the last fault: {difference}");
            RunFor(500);
            difference = Oracle.Difference();
        }

        // and it stays so: nothing that lingered undoes it
        RunFor(40_000);
        difference = Oracle.Difference();
        Oracle.Check(difference is null, Promises.Converges, $"after it was as it should be: {difference}");
    }

    private void RunFor(long milliseconds)
    {
        var until = Agenda.Now + milliseconds;
        while (Agenda.Step(until))
        {
        }
    }
}
