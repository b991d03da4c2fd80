using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>What makes this cloudcore one of several, composed; as long as the program.</summary>
internal sealed class ReplicaModule
{
    private readonly LeaderElectionOptions _options;
    private readonly LeaderElection _election;
    private readonly NodeClaims _claims;
    private readonly HubInformers _caches;
    private readonly SessionRegistry _sessions;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;

    public ReplicaModule(
        KubeClient api, LeaderElectionSection config, HubInformers caches, SessionRegistry sessions, TimeProvider time, ILoggerFactory loggers)
    {
        _options = new LeaderElectionOptions
        {
            Namespace = config.ResourceNamespace,
            Name = config.ResourceName,
            Identity = LeaderElectionOptions.NewIdentity(),
            LeaseDuration = config.LeaseDuration,
            RenewDeadline = config.RenewDeadline,
            RetryPeriod = config.RetryPeriod,
        };
        _caches = caches;
        _sessions = sessions;
        _time = time;
        _loggers = loggers;
        _election = new LeaderElection(api, _options, time, loggers.CreateLogger<LeaderElection>());
        _claims = new NodeClaims(api, Identity);
        Handover = new Handover(api, _claims, new CacheFreshness(api, caches, time), time);
    }

    /// <summary>This process.</summary>
    public string Identity => _options.Identity;

    public Handover Handover { get; }

    public bool IsLeader => _election.IsLeader;

    /// <summary>Whether the API answers this replica: one that it does not answer can neither take nor serve nodes.</summary>
    public bool ReachesApi => _election.ApiSilence < _options.RenewDeadline;

    /// <summary>The service that takes part in the election; made once.</summary>
    public ReplicaService Service(IReadOnlyList<Func<CancellationToken, Task>> works) =>
        new(_election, _options, _sessions.EndAll, _time, _loggers.CreateLogger<ReplicaService>()) { Works = works };

    /// <summary>Tells <paramref name="gone"/> of each node that another replica has taken, for the life of the program.</summary>
    public void WhenNodesGo(Action<string> gone) => _caches.Nodes.Subscribe(change =>
    {
        if (change.New is { } node && NodeClaim.Of(node) is { } claim && claim.Replica != Identity)
        {
            // not under the cache's lock
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.gone(work.Name), (gone, node.Name), preferLocal: false);
        }
    });

    public void Describe(MetricsPage metrics)
    {
        metrics.Gauge("edgesync_hub_leader", "1 while this replica leads: of all replicas one at a time.", () => _election.IsLeader ? 1 : 0);
        metrics.Counter("edgesync_hub_leader_terms_total", "How often this replica has become the leader.", () => _election.Terms);
        metrics.Gauge("edgesync_hub_api_silence_seconds", "Time since the Kubernetes API last answered the election, which asks every few seconds.", () => _election.ApiSilence.TotalSeconds);
        metrics.Counter("edgesync_hub_nodes_taken_total", "Nodes that came to this replica from another one, or for the first time.", () => _claims.Taken);
    }
}
