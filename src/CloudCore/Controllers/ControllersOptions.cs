namespace EdgeSync.CloudCore.Controllers;

/// <summary>Settings of the controllers; the times are Kubernetes' defaults where it has them.</summary>
internal sealed class ControllersOptions
{
    public const string Section = "Controllers";

    /// <summary>Which controllers run.</summary>
    public ControllerSelection Selection { get; init; } = ControllerSelection.All;

    /// <summary>A node that was not heard of for this long is marked unreachable (node-monitor-grace-period).</summary>
    public TimeSpan NodeMonitorGracePeriod { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>
    /// How long ago a node was heard by the hub in this process; null: never, or there is none. A node in contact is alive,
    /// however old its lease is.
    /// </summary>
    public Func<string, TimeSpan?> SilenceOf { get; init; } = static _ => null;

    /// <summary>
    /// Pods stay this long after their Node object is gone, so that a node that is deleted and registers itself again
    /// keeps them (the pod garbage collector's quarantine).
    /// </summary>
    public TimeSpan MissingNodeGrace { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>More ended pods than this are not kept, the oldest go first (terminated-pod-gc-threshold); 0 keeps all.</summary>
    public int TerminatedPodGcThreshold { get; init; } = 12_500;

    /// <summary>How often what lies around of pods is looked for.</summary>
    public TimeSpan PodGarbagePeriod { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Events stay this long after they were last told (the API server's event-ttl).</summary>
    public TimeSpan EventTtl { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often old Events are looked for.</summary>
    public TimeSpan EventSweepPeriod { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Called for each Event that is lost: too many at once, or refused by the API.</summary>
    public Action NoteLostEvent { get; init; } = static () => { };

    /// <summary>Everything is looked at again this often, changed or not.</summary>
    public TimeSpan ResyncPeriod { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Reconciles at a time, per controller.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Requests at a time that one reconcile sends.</summary>
    public int ParallelRequests { get; init; } = 32;

    /// <summary>
    /// How a change's key reaches its queue. Only tests change it, to lose, double and delay notes: whatever it does,
    /// the outcome must be the same.
    /// </summary>
    public Action<Action> Deliver { get; init; } = static note => note();
}
