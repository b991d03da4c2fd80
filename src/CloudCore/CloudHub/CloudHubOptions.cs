namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The hub's limits and the state of the program around it.</summary>
internal sealed record CloudHubOptions
{
    /// <summary>Time between pings to a peer without the extensions.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A node of which nothing was heard for so long has lost its session (KubeEdge's keepaliveInterval).</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Time between two renewals of a node's lease. Who watches leases takes a node for dead after 40 s without (Kubernetes'
    /// node-monitor-grace-period), unless it can ask this hub itself.
    /// </summary>
    public TimeSpan LeaseInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Sessions at once.</summary>
    public int NodeLimit { get; init; } = 20_000;

    /// <summary>Why no node may be served now, for people: before the caches are filled none may be told what it holds. Null where all is ready.</summary>
    public required Func<string?> WhyNotReady { get; init; }

    public bool IsReady => WhyNotReady() is null;

    /// <summary>Signals the end of the program.</summary>
    public required Func<CancellationToken> Stopping { get; init; }
}
