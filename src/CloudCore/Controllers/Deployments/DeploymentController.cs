using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <summary>
/// Carries Deployments out through ReplicaSets. Each reconcile reads the whole present state, decides
/// (<see cref="DeploymentDecision"/>) and takes the step; changes only say which Deployment to look at.
/// </summary>
internal sealed class DeploymentController : IController
{
    private readonly ClusterView _view;
    private readonly Informer _deployments;
    private readonly Informer _replicaSets;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly DeploymentActions _actions;

    public DeploymentController(
        KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<DeploymentController> logger)
    {
        _view = view;
        _deployments = informers.For(ApiResources.Deployments);
        _replicaSets = informers.For(ApiResources.ReplicaSets);
        _options = options;
        _time = time;
        _queue = new WorkQueue<NamespacedName>("deployments", time, logger);
        _actions = new DeploymentActions(client, events, time, logger);
        view.Pods.OnChange(NotePod);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await Task.WhenAll(_deployments.WaitForSyncAsync(ct), _replicaSets.WaitForSyncAsync(ct)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_deployments, change => Add(change.Name));
        _view.Follow(_replicaSets, NoteReplicaSet);
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void Add(NamespacedName key) => _options.Deliver(() => _queue.Add(key));

    private void NoteReplicaSet(InformerChange change)
    {
        var owned = false;
        foreach (var set in new[] { change.Old, change.New }.OfType<KubeObject>())
        {
            if (set.View(KubernetesJson.Default.AnyObject).Metadata.Controller() is { } owner && owner.Is(ApiResources.Deployments))
            {
                owned = true;
                Add(new NamespacedName(set.Namespace, owner.Name));
            }
        }

        if (!owned && change.New is { } free)
        {
            // an orphan: whoever selects it takes it
            foreach (var deployment in _deployments.Snapshot().Where(value => value.Namespace == free.Namespace))
            {
                Add(NamespacedName.Of(deployment));
            }
        }
    }

    // Recreate waits for the last old pod to be gone, which the counts of its ReplicaSet do not say
    private void NotePod(PodChange change)
    {
        if (change.New is null or { IsTerminal: true } && change.Old?.Controller is { } owner && owner.Is(ApiResources.ReplicaSets)
            && _replicaSets.Get(new NamespacedName(change.Old.Name.Namespace, owner.Name)) is { } set
            && set.View(KubernetesJson.Default.AnyObject).Metadata.Controller() is { } deployment)
        {
            Add(new NamespacedName(set.Namespace, deployment.Name));
        }
    }

    private void LookAtAll()
    {
        foreach (var value in _deployments.Snapshot())
        {
            _queue.Add(NamespacedName.Of(value));
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (_deployments.Get(key) is not { } value)
        {
            return;
        }

        var view = value.View(ControllersJson.Default.Deployment);
        if (view.Spec.Selector is null or { MatchLabels: null or { Count: 0 }, MatchExpressions: null or { Count: 0 } })
        {
            return; // it would select everything, as Kubernetes says too
        }

        var claimed = new List<KubeObject>();
        foreach (var set in _replicaSets.Snapshot().Where(set => set.Namespace == value.Namespace))
        {
            if (await _actions.ClaimAsync(value, view.Spec.Selector, set, ct) is { } own)
            {
                claimed.Add(own);
            }
        }

        var template = TemplateDigest.Of(value);
        var name = $"{value.Name}-{TemplateDigest.Hash(template, view.Status?.CollisionCount ?? 0)}";
        var plan = DeploymentDecision.Decide(new DeploymentState
        {
            Name = value.Name,
            Deployment = view,
            Template = template,
            NewName = name,
            ReplicaSets = claimed.ConvertAll(Read),
            WithPods = claimed.Where(HasPods).Select(set => set.Uid).ToHashSet(),
            Now = _time.GetUtcNow(),
        });
        await _actions.ApplyAsync(value, view, plan, name, ct);
        if (plan.LookAgainAfter is { } wait)
        {
            _queue.AddAfter(key, wait);
        }
    }

    private bool HasPods(KubeObject set) => _view.Pods.OwnedBy(set.Uid).Any(pod => pod.Controller?.Uid == set.Uid && !pod.IsTerminal);

    private static OwnedReplicaSet Read(KubeObject value)
    {
        var view = value.View(ControllersJson.Default.ReplicaSet);
        return new OwnedReplicaSet
        {
            Name = value.Name,
            Uid = value.Uid,
            ResourceVersion = value.ResourceVersion,
            Template = TemplateDigest.Of(value),
            Replicas = view.Spec.Replicas ?? 1,
            MinReadySeconds = view.Spec.MinReadySeconds,
            Status = view.Status ?? new ReplicaSets.ReplicaSetStatus(),
            Annotations = view.Metadata.Annotations ?? LabelSelectors.NoLabels,
            Created = KubeTime.TryParse(view.Metadata.CreationTimestamp, out var created) ? created : default,
            Generation = view.Metadata.Generation ?? 0,
            IsDeleting = value.IsDeleting,
        };
    }
}

/// <summary>By what pod templates are told apart.</summary>
internal static class TemplateDigest
{
    public const string HashLabel = "pod-template-hash";
    private const int HashLength = 10;

    /// <summary>Of the object's <c>spec.template</c>, without the label that Deployments add.</summary>
    public static string Of(KubeObject value)
    {
        var template = JsonNode.Parse(value.Json.Span)!["spec"]?["template"]?.DeepClone().AsObject() ?? [];
        (template["metadata"]?["labels"] as JsonObject)?.Remove(HashLabel);
        using var json = JsonDocument.Parse(template.ToJsonString());
        return RevisionFacts.DigestOf(json.RootElement);
    }

    /// <summary>The label's value; another one for each collision.</summary>
    public static string Hash(string digest, int collisions) => SafeNames.Suffix($"{digest}/{collisions}", HashLength);
}
