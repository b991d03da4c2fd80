using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.ReplicaSets;

/// <summary>
/// Keeps as many pods of every ReplicaSet, or of every ReplicationController, as it asks for. Each reconcile reads the whole present state, decides
/// (<see cref="ReplicaSetDecision"/>) and acts; changes only say which ReplicaSet to look at.
/// </summary>
internal sealed partial class ReplicaSetController : IController
{
    private readonly ReplicaKind _kind;
    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _replicaSets;
    private readonly EventRecorder _events;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly PodsInFlight _inFlight;
    private readonly PodControl _pods;

    public ReplicaSetController(
        ReplicaKind kind, KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<ReplicaSetController> logger)
    {
        _kind = kind;
        _client = client;
        _view = view;
        _replicaSets = informers.For(kind.Resource);
        _events = events;
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<NamespacedName>(kind.Queue, time, logger);
        _inFlight = new PodsInFlight(time);
        _pods = new PodControl(client, view.Pods, _inFlight, kind.Resource, logger);
        view.Pods.OnChange(change => OwnedPods.Note(change, kind.Resource, _inFlight, _replicaSets, Add));
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await _replicaSets.WaitForSyncAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_replicaSets, change => Add(change.Name));
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void Add(NamespacedName key) => _options.Deliver(() => _queue.Add(key));

    // also frees what is kept of those that are gone
    private void LookAtAll()
    {
        var all = _replicaSets.Snapshot();
        _inFlight.Retain(all.Select(value => value.Uid).ToHashSet());
        foreach (var value in all)
        {
            _queue.Add(NamespacedName.Of(value));
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        // one that is on its way out is the garbage collector's: making pods now would never let it go
        if (_replicaSets.Get(key) is not { IsDeleting: false } value)
        {
            return;
        }

        var view = _kind.Read(value);
        await _pods.ClaimAsync(value, view.Spec.Selector, pod => !pod.IsTerminal, ct);
        await _pods.SettleAsync(value, ct);
        var plan = ReplicaSetDecision.Decide(new ReplicaSetState
        {
            ReplicaSet = view,
            Pods = _pods.Controlled(value),
            Now = _time.GetUtcNow(),
            WorthOf = WorthOf,
            RelatedOn = RelatedOn(value, view),
        });
        Condition? failure = null;
        try
        {
            await ApplyAsync(value, plan, ct);
        }
        catch (ApiException e)
        {
            failure = Failure(plan.Create > 0 ? "FailedCreate" : "FailedDelete", e.Status.Message ?? e.Message);
            await WriteStatusAsync(value, view, plan.Status, failure, ct);
            throw;
        }

        await WriteStatusAsync(value, view, plan.Status, null, ct);
        var again = _inFlight.HasAny(value.Uid) ? PodsInFlight.Patience : (TimeSpan?)null;
        if ((plan.LookAgainAfter is { } wait && (again is null || wait < again) ? wait : again) is { } delay)
        {
            _queue.AddAfter(key, delay);
        }
    }

    private async Task ApplyAsync(KubeObject value, ReplicaSetPlan plan, CancellationToken ct)
    {
        var subject = EventSubject.Of(value, _kind.Resource);
        await Batches.InGrowingAsync(
            plan.Delete,
            _options.ParallelRequests,
            async (pod, token) =>
            {
                await _pods.DeleteAsync(value, pod, token);
                _events.Record(_kind.Component, subject, false, "SuccessfulDelete", $"Deleted pod: {pod.Name.Name}");
            },
            ct);
        if (plan.Create == 0)
        {
            return;
        }

        var writer = new TemplatePod(value, _kind.Resource);
        var stem = $"{value.Name}-";
        try
        {
            await Batches.InGrowingAsync(
                [.. Enumerable.Range(0, plan.Create).Select(_ => TemplatePod.NewName(stem))],
                _options.ParallelRequests,
                async (name, token) =>
                {
                    await _pods.CreateAsync(value, name, Encoding.UTF8.GetBytes(writer.Write(name, stem).ToJsonString()), token);
                    _events.Record(_kind.Component, subject, false, "SuccessfulCreate", $"Created pod: {name}");
                },
                ct);
            LogCreated(value.Describe(), plan.Create);
        }
        catch (ApiException e) when (!e.IsTransient)
        {
            _events.Record(_kind.Component, subject, true, "FailedCreate", $"Error creating: {e.Status.Message ?? e.Message}");
            throw;
        }
    }

    private PodWorth WorthOf(PodFacts pod)
    {
        if (_view.Pods.Pods.Get(pod.Name) is not { } value)
        {
            return default;
        }

        var gist = value.View(ControllersJson.Default.PodWorthGist);
        return new PodWorth(
            (gist.Status?.ContainerStatuses ?? []).Sum(status => status.RestartCount),
            int.TryParse(gist.Metadata?.Annotations?.GetValueOrDefault("controller.kubernetes.io/pod-deletion-cost"), out var cost) ? cost : 0);
    }

    // counted when it is asked for first: only a ReplicaSet that shrinks asks
    private Func<string, int> RelatedOn(KubeObject value, ReplicaSet view)
    {
        Dictionary<string, int>? counts = null;
        return node => (counts ??= CountRelated(value, view)).GetValueOrDefault(node);
    }

    private Dictionary<string, int> CountRelated(KubeObject value, ReplicaSet view)
    {
        var deployment = view.Metadata.Controller()?.Uid;
        var related = deployment is null
            ? [value.Uid]
            : _replicaSets.Snapshot().Where(other => other.Namespace == value.Namespace
                && other.View(KubernetesJson.Default.AnyObject).Metadata.Controller()?.Uid == deployment).Select(other => other.Uid).ToList();
        return related.SelectMany(_view.Pods.OwnedBy)
            .Where(pod => pod is { IsTerminal: false, IsDeleting: false, IsBound: true })
            .GroupBy(pod => pod.NodeName).ToDictionary(group => group.Key, group => group.Count());
    }

    private Condition Failure(string reason, string message) => new()
    {
        Type = "ReplicaFailure",
        Status = "True",
        Reason = reason,
        Message = message,
        LastTransitionTime = KubeTime.Format(_time.GetUtcNow()),
    };

    private async Task WriteStatusAsync(KubeObject value, ReplicaSet view, ReplicaSetStatus wanted, Condition? failure, CancellationToken ct)
    {
        var has = view.Status ?? new ReplicaSetStatus();
        var before = has.Conditions?.FirstOrDefault(condition => condition.Type == "ReplicaFailure");
        var sameFailure = failure is null == before is null && failure?.Reason == before?.Reason && failure?.Message == before?.Message;
        if (sameFailure && has with { Conditions = null } == wanted with { Conditions = null })
        {
            return;
        }

        var status = new JsonObject
        {
            ["replicas"] = wanted.Replicas,
            ["fullyLabeledReplicas"] = wanted.FullyLabeledReplicas,
            ["readyReplicas"] = wanted.ReadyReplicas,
            ["availableReplicas"] = wanted.AvailableReplicas,
            ["observedGeneration"] = wanted.ObservedGeneration,
        };
        if (!sameFailure)
        {
            var others = (has.Conditions ?? []).Where(condition => condition.Type != "ReplicaFailure");
            status["conditions"] = new JsonArray([.. others.Concat(failure is null ? [] : [failure]).Select(ConditionList.Write)]);
        }

        await StatusPatch.WriteAsync(_client, _kind.Resource, value, status, ct);
    }

    [LoggerMessage(LogLevel.Information, "{ReplicaSet}: {Count} pods created")]
    private partial void LogCreated(string replicaSet, int count);
}

/// <summary>Of a pod what <see cref="PodWorth"/> is made of.</summary>
internal sealed record PodWorthGist
{
    public ObjectMeta? Metadata { get; set; }

    public PodWorthStatus? Status { get; set; }
}

internal sealed record PodWorthStatus
{
    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; set; }
}
