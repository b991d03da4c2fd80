using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.StatefulSets;

/// <summary>
/// Keeps the pods of every StatefulSet, each with its name and its claims. Each reconcile reads the whole present state, decides
/// (<see cref="StatefulSetDecision"/>) and acts; changes only say which StatefulSet to look at.
/// </summary>
internal sealed partial class StatefulSetController : IController
{
    private const string Component = "statefulset-controller";

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _sets;
    private readonly Informer _claimObjects;
    private readonly Informer _revisions;
    private readonly EventRecorder _events;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly PodsInFlight _inFlight;
    private readonly PodControl _pods;
    private readonly RevisionHistory _history;
    private readonly StatefulClaims _claims;

    public StatefulSetController(
        KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<StatefulSetController> logger)
    {
        _client = client;
        _view = view;
        _sets = informers.For(ApiResources.StatefulSets);
        _claimObjects = informers.For(ApiResources.PersistentVolumeClaims);
        _revisions = informers.For(ApiResources.ControllerRevisions);
        _events = events;
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<NamespacedName>("statefulsets", time, logger);
        _inFlight = new PodsInFlight(time);
        _pods = new PodControl(client, view.Pods, _inFlight, ApiResources.StatefulSets, logger);
        _history = new RevisionHistory(client, view.Revisions, ApiResources.StatefulSets, RevisionFacts.HashLabel);
        _claims = new StatefulClaims(client, _claimObjects, events, Component);
        view.Pods.OnChange(change => OwnedPods.Note(change, ApiResources.StatefulSets, _inFlight, _sets, Add));
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await Task.WhenAll(_sets.WaitForSyncAsync(ct), _claimObjects.WaitForSyncAsync(ct)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_sets, change => Add(change.Name));
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void Add(NamespacedName key) => _options.Deliver(() => _queue.Add(key));

    // also frees what is kept of those that are gone
    private void LookAtAll()
    {
        var all = _sets.Snapshot();
        var alive = all.Select(value => value.Uid).ToHashSet();
        _inFlight.Retain(alive);
        _history.Retain(alive);
        foreach (var value in all)
        {
            _queue.Add(NamespacedName.Of(value));
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        // one that is on its way out is the garbage collector's: making pods now would never let it go
        if (_sets.Get(key) is not { IsDeleting: false } value)
        {
            return;
        }

        var set = value.View(ControllersJson.Default.StatefulSet);
        await _pods.ClaimAsync(value, set.Spec.Selector, pod => StatefulSetDecision.OrdinalOf(value.Name, pod.Name.Name) is not null, ct);
        await _pods.SettleAsync(value, ct);
        var owner = new RevisionOwner(
            value, set.Metadata, set.Spec.Selector, set.Spec.Template?.Metadata?.Labels, set.Status?.CollisionCount ?? 0, set.Spec.RevisionHistoryLimit);
        var updateRevision = (await _history.EnsureCurrentAsync(owner, ct)).Name;
        var pods = _pods.Controlled(value);
        var plan = StatefulSetDecision.Decide(new StatefulSetState
        {
            Name = value.Name,
            Set = set,
            Pods = pods,
            UpdateRevision = updateRevision,
            Now = _time.GetUtcNow(),
        });
        try
        {
            await ApplyAsync(value, set, pods, plan, ct);
        }
        catch (ApiException)
        {
            await WriteStatusAsync(value, set, plan.StatusWithoutCreated, ct);
            throw;
        }

        await WriteStatusAsync(value, set, plan.Status, ct);
        await TrimAsync(owner, pods, plan.Status, ct);

        var again = _inFlight.HasAny(value.Uid) ? PodsInFlight.Patience : (TimeSpan?)null;
        if ((plan.LookAgainAfter is { } wait && (again is null || wait < again) ? wait : again) is { } delay)
        {
            _queue.AddAfter(key, delay);
        }
    }

    private async Task ApplyAsync(KubeObject value, StatefulSet set, IReadOnlyList<PodFacts> pods, StatefulSetPlan plan, CancellationToken ct)
    {
        var writer = new StatefulPodWriter(value, set);
        await CompleteAsync(value, set, writer, pods, plan, ct);
        foreach (var place in plan.Create)
        {
            await CreateAsync(value, set, writer, place, ct);
        }

        var subject = EventSubject.Of(value, ApiResources.StatefulSets);
        foreach (var pod in plan.Delete)
        {
            if (pod.IsTerminal)
            {
                _events.Record(Component, subject, true, "RecreatingFailedPod", $"StatefulSet {value.Namespace}/{value.Name} is recreating failed Pod {pod.Name.Name}");
            }

            await _pods.DeleteAsync(value, pod, ct);
            _events.Record(Component, subject, false, "SuccessfulDelete", $"delete Pod {pod.Name.Name} in StatefulSet {value.Name} successful");
        }
    }

    /// <summary>What a pod that is there lacks: claims that somebody deleted while it waits, the claims' owners, the label of one that was adopted.</summary>
    private async Task CompleteAsync(
        KubeObject value, StatefulSet set, StatefulPodWriter writer, IReadOnlyList<PodFacts> pods, StatefulSetPlan plan, CancellationToken ct)
    {
        foreach (var pod in pods.Where(pod => !pod.IsDeleting))
        {
            if (StatefulSetDecision.OrdinalOf(value.Name, pod.Name.Name) is not { } ordinal)
            {
                continue;
            }

            var isCondemned = plan.Condemned.Contains(pod);
            if (pod.Phase == "Pending" && !isCondemned)
            {
                await _claims.EnsureAsync(value, set, writer, ordinal, ct);
            }

            await _claims.OwnAsync(value, set, writer, pod, ordinal, isCondemned, ct);
            if (pod.Labels.GetValueOrDefault(StatefulPodWriter.NameLabel) != pod.Name.Name)
            {
                await _client.PatchAsync(
                    ApiResources.Pods, value.Namespace, pod.Name.Name, PatchType.Merge,
                    MetadataPatch.Label(pod.Uid, StatefulPodWriter.NameLabel, pod.Name.Name), null, ct);
            }
        }
    }

    private async Task CreateAsync(KubeObject value, StatefulSet set, StatefulPodWriter writer, StatefulPodPlace place, CancellationToken ct)
    {
        var name = writer.Name(place.Ordinal);
        var subject = EventSubject.Of(value, ApiResources.StatefulSets);
        await _claims.EnsureAsync(value, set, writer, place.Ordinal, ct);
        try
        {
            await _pods.CreateAsync(value, name, writer.Write(place, TemplateOf(value, place.Revision)), ct);
            _events.Record(Component, subject, false, "SuccessfulCreate", $"create Pod {name} in StatefulSet {value.Name} successful");
            LogCreated(value.Describe(), name);
        }
        catch (ApiException e) when (!e.IsTransient)
        {
            if (e.IsAlreadyExists && await IsOursAsync(value, name, ct))
            {
                return; // the cache is behind
            }

            _events.Record(
                Component, subject, true, "FailedCreate", $"create Pod {name} in StatefulSet {value.Name} failed error: {e.Status.Message ?? e.Message}");
            throw;
        }
    }

    private async Task<bool> IsOursAsync(KubeObject value, string name, CancellationToken ct)
    {
        if (await _client.GetAsync(ApiResources.Pods, value.Namespace, name, ct) is not { } live
            || PodFacts.Read(live) is not { Controller: { } controller } pod || controller.Uid != value.Uid)
        {
            return false;
        }

        _inFlight.NoteMade(value.Uid, pod);
        return true;
    }

    /// <summary>The template that a revision holds; null for the present one, and for a revision that is gone.</summary>
    private JsonObject? TemplateOf(KubeObject value, string revision) =>
        _revisions.Get(new NamespacedName(value.Namespace, revision)) is { } found
        && JsonNode.Parse(found.Json.Span)!["data"]?["spec"]?["template"]?.DeepClone() is JsonObject template
            ? template
            : null;

    private Task TrimAsync(RevisionOwner owner, IEnumerable<PodFacts> pods, StatefulSetStatus status, CancellationToken ct)
    {
        var inUse = pods.Select(StatefulSetDecision.RevisionOf).Append(status.CurrentRevision!).Append(status.UpdateRevision!).ToHashSet();
        return _history.TrimAsync(owner, revision => inUse.Contains(revision.Name.Name), ct);
    }

    private async Task WriteStatusAsync(KubeObject value, StatefulSet set, StatefulSetStatus wanted, CancellationToken ct)
    {
        if (set.Status is { } has && has with { CollisionCount = null } == wanted with { CollisionCount = null })
        {
            return;
        }

        var status = new JsonObject
        {
            ["observedGeneration"] = wanted.ObservedGeneration,
            ["replicas"] = wanted.Replicas,
            ["readyReplicas"] = wanted.ReadyReplicas,
            ["availableReplicas"] = wanted.AvailableReplicas,
            ["currentReplicas"] = wanted.CurrentReplicas,
            ["updatedReplicas"] = wanted.UpdatedReplicas,
            ["currentRevision"] = wanted.CurrentRevision,
            ["updateRevision"] = wanted.UpdateRevision,
            ["collisionCount"] = wanted.CollisionCount ?? 0,
        };
        await StatusPatch.WriteAsync(_client, ApiResources.StatefulSets, value, status, ct);
    }

    [LoggerMessage(LogLevel.Information, "{StatefulSet}: pod {Pod} created")]
    private partial void LogCreated(string statefulSet, string pod);
}
