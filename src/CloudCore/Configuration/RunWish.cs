namespace EdgeSync.CloudCore.Configuration;

/// <summary>What the command line of <c>cloudcore run</c> says in the place of cloudcore.yaml; null where it says nothing.</summary>
internal sealed record RunWish
{
    public ClusterWish Cluster { get; init; } = new();

    /// <summary>Which controllers run.</summary>
    public IReadOnlyList<string>? Controllers { get; init; }

    /// <summary>The lower bound of the next one.</summary>
    public TimeSpan? NodeMonitorPeriod { get; init; }

    /// <summary>A node's silence until it is marked.</summary>
    public TimeSpan? NodeMonitorGracePeriod { get; init; }

    /// <summary>How many ended pods are kept.</summary>
    public int? TerminatedPodGCThreshold { get; init; }

    /// <summary>Whether it is one of several replicas, whatever the file says.</summary>
    public bool LeaderElect { get; init; }

    /// <summary>The IP under which an API server reaches this very process.</summary>
    public string? StreamAddress { get; init; }

    /// <summary>The configuration as wished.</summary>
    public CloudCoreConfig Over(CloudCoreConfig config)
    {
        config = Cluster.Over(config);
        config = LeaderElect ? config with { LeaderElection = config.LeaderElection with { LeaderElect = true } } : config;
        config = StreamAddress is null ? config : config with
        {
            Modules = config.Modules with { CloudStream = config.Modules.CloudStream with { StreamAddress = StreamAddress } },
        };
        var controllers = config.Modules.Controllers;
        return config with
        {
            Modules = config.Modules with
            {
                Controllers = controllers with
                {
                    Controllers = Controllers ?? controllers.Controllers,
                    NodeMonitorPeriod = NodeMonitorPeriod ?? controllers.NodeMonitorPeriod,
                    NodeMonitorGracePeriod = NodeMonitorGracePeriod ?? controllers.NodeMonitorGracePeriod,
                    TerminatedPodGCThreshold = TerminatedPodGCThreshold ?? controllers.TerminatedPodGCThreshold,
                },
            },
        };
    }
}

/// <summary>Which real cluster a command line names, if any.</summary>
internal sealed record ClusterWish
{
    /// <summary>A kubeconfig, absolute.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>The kubeconfig's context.</summary>
    public string? Context { get; init; }

    /// <summary>Whether it is the cluster that this program is a pod of.</summary>
    public bool InCluster { get; init; }

    /// <summary>Whether any cluster is named.</summary>
    public bool IsOne => InCluster || Kubeconfig is not null;

    /// <summary>The configuration with this cluster.</summary>
    public CloudCoreConfig Over(CloudCoreConfig config)
    {
        var api = config.KubeAPIConfig;
        if (!IsOne)
        {
            return Context is null ? config : config with { KubeAPIConfig = api with { Context = Context } };
        }

        return config with
        {
            KubeAPIConfig = api with { KubeConfig = Kubeconfig ?? "", Context = Context ?? "", InCluster = InCluster },
            Modules = config.Modules with { EmbeddedApi = config.Modules.EmbeddedApi with { Enable = false } },
        };
    }
}
