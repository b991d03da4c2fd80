using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Volumes;

/// <summary>
/// Binds PersistentVolumeClaims to PersistentVolumes that are folders of nodes (<c>hostPath</c>, <c>local</c>). Nothing is provisioned:
/// a claim for which there is no volume waits, and an Event says why. Both halves of a binding are written one after the other,
/// the volume's first, so that a hub that dies between them goes on where it stood.
/// </summary>
internal sealed class VolumeBinder : IController
{
    private const string Component = "persistentvolume-controller";
    private const string BindCompleted = "pv.kubernetes.io/bind-completed";
    private const string BoundByController = "pv.kubernetes.io/bound-by-controller";
    private static readonly ApiResource s_classes = new("storage.k8s.io", "v1", "storageclasses", "StorageClass", false);

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _claims;
    private readonly Informer _volumes;
    private readonly Informer _classes;
    private readonly EventRecorder _events;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;

    // volumes have no namespace; claims have
    private readonly WorkQueue<NamespacedName> _queue;

    // claims whose class binds them when a pod has them
    private readonly ConcurrentDictionary<NamespacedName, bool> _forPods = new();

    public VolumeBinder(
        KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<VolumeBinder> logger)
    {
        _client = client;
        _view = view;
        _claims = informers.For(ApiResources.PersistentVolumeClaims);
        _volumes = informers.For(ApiResources.PersistentVolumes);
        _classes = informers.For(s_classes);
        _events = events;
        _options = options;
        _time = time;
        _queue = new WorkQueue<NamespacedName>("volumes", time, logger);
        view.Pods.OnChange(NotePod);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await Task.WhenAll(_claims.WaitForSyncAsync(ct), _volumes.WaitForSyncAsync(ct), _classes.WaitForSyncAsync(ct))
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_claims, NoteClaim);
        _view.Follow(_volumes, NoteVolume);
        _view.Follow(_classes, _ => NoteWaiting());
        await Task.WhenAll(
            // one at a time: two claims must not decide on the same volume at once
            _queue.RunAsync(1, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void Add(NamespacedName key) => _options.Deliver(() => _queue.Add(key));

    private void LookAtAll()
    {
        foreach (var value in _volumes.Snapshot().Concat(_claims.Snapshot()))
        {
            _queue.Add(NamespacedName.Of(value));
        }
    }

    private void NoteClaim(InformerChange change)
    {
        Add(change.Name);
        if ((change.New ?? change.Old) is { } claim && claim.View(ControllersJson.Default.ClaimGist).Spec.VolumeName is { Length: > 0 } volume)
        {
            Add(new NamespacedName("", volume));
        }
        else if (change.New is null)
        {
            // its volume may have got its name, and it had not got the volume's yet
            foreach (var value in _volumes.Snapshot())
            {
                Add(NamespacedName.Of(value));
            }
        }
    }

    private void NoteVolume(InformerChange change)
    {
        Add(change.Name);
        if ((change.New ?? change.Old) is { } volume && Volume.Of(volume).Claim is { Namespace: { } ns, Name: { } name })
        {
            Add(new NamespacedName(ns, name));
        }

        NoteWaiting();
    }

    private void NotePod(PodChange change)
    {
        // also one that has its node: those of DaemonSets come so
        if (change is { Old: null, New: { } pod })
        {
            foreach (var claim in _forPods.Keys.Where(claim => claim.Namespace == pod.Name.Namespace))
            {
                Add(claim);
            }
        }
    }

    private void NoteWaiting()
    {
        foreach (var claim in _claims.Snapshot())
        {
            if (claim.View(ControllersJson.Default.ClaimGist).Status?.Phase is not "Bound")
            {
                Add(NamespacedName.Of(claim));
            }
        }
    }

    private Task ReconcileAsync(NamespacedName key, CancellationToken ct) =>
        key.Namespace.Length == 0
            ? _volumes.Get(key) is { IsDeleting: false } volume ? ReconcileVolumeAsync(Volume.Of(volume), ct) : Task.CompletedTask
            : _claims.Get(key) is { IsDeleting: false } claim ? ReconcileClaimAsync(claim, claim.View(ControllersJson.Default.ClaimGist), ct) : Task.CompletedTask;

    private async Task ReconcileVolumeAsync(Volume volume, CancellationToken ct)
    {
        if (volume.Claim is not { Uid: { Length: > 0 } uid } reference)
        {
            // free, or kept for a claim
            await WritePhaseAsync(volume, "Available", ct);
            return;
        }

        // not from the cache: what it does not show yet is not gone
        var claim = await _client.GetAsync(ApiResources.PersistentVolumeClaims, reference.Namespace ?? "", reference.Name ?? "", ct);
        if (claim is null || claim.Uid != uid)
        {
            if (volume.View.Status?.Phase != "Released" && volume.View.Spec.PersistentVolumeReclaimPolicy is "Delete" or "Recycle")
            {
                Tell(volume.Value, ApiResources.PersistentVolumes, true, "VolumeFailedDelete", "folders of nodes are not emptied from here: what is in it stays");
            }

            await WritePhaseAsync(volume, "Released", ct);
            return;
        }

        var bound = claim.View(ControllersJson.Default.ClaimGist).Spec.VolumeName;
        if (string.IsNullOrEmpty(bound))
        {
            Add(NamespacedName.Of(claim));
        }
        else if (bound == volume.Name)
        {
            await WritePhaseAsync(volume, "Bound", ct);
        }
        else if (volume.View.Metadata.Annotations?.ContainsKey(BoundByController) == true)
        {
            // the claim got another one meanwhile: this one was given to it by us, and is free again
            await WriteClaimAsync(volume, null, mark: false, ct);
        }
    }

    private async Task ReconcileClaimAsync(KubeObject claim, ClaimGist view, CancellationToken ct)
    {
        var named = view.Spec.VolumeName is { Length: > 0 } name ? _volumes.Get(new NamespacedName("", name)) : null;
        if (view.Metadata.Annotations?.ContainsKey(BindCompleted) == true && view.Spec.VolumeName is { Length: > 0 })
        {
            if (named is null)
            {
                await LoseAsync(claim, view, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!", ct);
            }
            else if (Volume.Of(named) is var volume && (volume.Claim is null || VolumeMatch.IsFor(volume, claim)))
            {
                await BindAsync(claim, view, volume, ct);
            }
            else
            {
                await LoseAsync(claim, view, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly", ct);
            }

            return;
        }

        if (view.Spec.VolumeName is { Length: > 0 })
        {
            if (named is not null)
            {
                await BindNamedAsync(claim, view, Volume.Of(named), ct);
            }

            return;
        }

        _forPods.TryRemove(NamespacedName.Of(claim), out _);
        var all = _volumes.Snapshot().Select(Volume.Of).ToList();
        var isKept = all.Any(volume => VolumeMatch.IsFor(volume, claim));
        if (!isKept && ClassOf(view)?.VolumeBindingMode == "WaitForFirstConsumer" && !HasConsumer(claim))
        {
            _forPods[NamespacedName.Of(claim)] = true;
            Tell(claim, ApiResources.PersistentVolumeClaims, false, "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
        }
        else if (VolumeMatch.Find(claim, view, all) is { } found)
        {
            await BindAsync(claim, view, found, ct);
        }
        else
        {
            Explain(claim, view, all);
        }
    }

    private async Task BindNamedAsync(KubeObject claim, ClaimGist view, Volume volume, CancellationToken ct)
    {
        if (volume.Claim is not null && !VolumeMatch.IsFor(volume, claim))
        {
            Tell(claim, ApiResources.PersistentVolumeClaims, true, "FailedBinding", $"volume \"{volume.Name}\" already bound to a different claim.");
        }
        else if (!volume.IsFolder)
        {
            Tell(claim, ApiResources.PersistentVolumeClaims, true, "FailedBinding", NoFolder(volume));
        }
        else if (VolumeMatch.WhyNot(view, volume, reserved: true) is { } why)
        {
            Tell(claim, ApiResources.PersistentVolumeClaims, true, "VolumeMismatch", $"Cannot bind to requested volume \"{volume.Name}\": {why}");
        }
        else
        {
            await BindAsync(claim, view, volume, ct);
        }
    }

    /// <summary>Writes what of the binding is not written yet; each part compares the version that the decision saw.</summary>
    private async Task BindAsync(KubeObject claim, ClaimGist view, Volume volume, CancellationToken ct)
    {
        if (volume.Claim?.Uid != claim.Uid)
        {
            var reference = new JsonObject
            {
                ["kind"] = "PersistentVolumeClaim",
                ["apiVersion"] = "v1",
                ["namespace"] = claim.Namespace,
                ["name"] = claim.Name,
                ["uid"] = claim.Uid,
                ["resourceVersion"] = claim.ResourceVersion,
            };
            // a reservation by hand is known from our own choice by the mark
            volume = Volume.Of(await WriteClaimAsync(volume, reference, mark: volume.Claim is null, ct));
        }

        await WritePhaseAsync(volume, "Bound", ct);
        var isComplete = view.Metadata.Annotations?.ContainsKey(BindCompleted) == true;
        if (!isComplete || view.Spec.VolumeName != volume.Name)
        {
            var annotations = new JsonObject { [BindCompleted] = "yes" };
            if (view.Spec.VolumeName != volume.Name)
            {
                annotations[BoundByController] = "yes";
            }

            claim = await PatchAsync(
                ApiResources.PersistentVolumeClaims, claim,
                new JsonObject { ["annotations"] = annotations }, new JsonObject { ["spec"] = new JsonObject { ["volumeName"] = volume.Name } }, null, ct);
        }

        if (view.Status?.Phase != "Bound")
        {
            var spec = JsonNode.Parse(volume.Value.Json.Span)!["spec"]!;
            await PatchAsync(
                ApiResources.PersistentVolumeClaims, claim, [],
                new JsonObject
                {
                    ["status"] = new JsonObject
                    {
                        ["phase"] = "Bound",
                        ["accessModes"] = spec["accessModes"]?.DeepClone(),
                        ["capacity"] = spec["capacity"]?.DeepClone(),
                    },
                },
                "status", ct);
        }
    }

    private async Task LoseAsync(KubeObject claim, ClaimGist view, string reason, string message, CancellationToken ct)
    {
        if (view.Status?.Phase == "Lost")
        {
            return;
        }

        await PatchAsync(
            ApiResources.PersistentVolumeClaims, claim, [], new JsonObject { ["status"] = new JsonObject { ["phase"] = "Lost" } }, "status", ct);
        Tell(claim, ApiResources.PersistentVolumeClaims, true, reason, message);
    }

    private Task<KubeObject> WriteClaimAsync(Volume volume, JsonObject? reference, bool mark, CancellationToken ct)
    {
        var metadata = new JsonObject();
        if (mark || reference is null)
        {
            metadata["annotations"] = new JsonObject { [BoundByController] = mark ? "yes" : null };
        }

        return PatchAsync(
            ApiResources.PersistentVolumes, volume.Value, metadata, new JsonObject { ["spec"] = new JsonObject { ["claimRef"] = reference } }, null, ct);
    }

    private async Task WritePhaseAsync(Volume volume, string phase, CancellationToken ct)
    {
        if (volume.View.Status?.Phase != phase)
        {
            await PatchAsync(
                ApiResources.PersistentVolumes, volume.Value, [], new JsonObject { ["status"] = new JsonObject { ["phase"] = phase } }, "status", ct);
        }
    }

    private Task<KubeObject> PatchAsync(ApiResource kind, KubeObject value, JsonObject metadata, JsonObject patch, string? subresource, CancellationToken ct)
    {
        metadata["uid"] = value.Uid;
        metadata["resourceVersion"] = value.ResourceVersion;
        patch["metadata"] = metadata;
        return _client.PatchAsync(kind, value.Namespace, value.Name, PatchType.Merge, Encoding.UTF8.GetBytes(patch.ToJsonString()), subresource, ct);
    }

    private void Explain(KubeObject claim, ClaimGist view, List<Volume> all)
    {
        // one that would do, were it a folder
        if (all.Find(volume => !volume.IsFolder && volume.Claim is null && VolumeMatch.WhyNot(view, volume, reserved: false) is null) is { } other)
        {
            Tell(claim, ApiResources.PersistentVolumeClaims, true, "FailedBinding", NoFolder(other));
            return;
        }

        var name = VolumeMatch.ClassOf(view);
        if (name.Length == 0)
        {
            Tell(
                claim, ApiResources.PersistentVolumeClaims, false, "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set");
        }
        else if (ClassOf(view) is not { } found)
        {
            Tell(claim, ApiResources.PersistentVolumeClaims, true, "ProvisioningFailed", $"storageclass.storage.k8s.io \"{name}\" not found");
        }
        else
        {
            Tell(
                claim, ApiResources.PersistentVolumeClaims, false, "ExternalProvisioning",
                $"Waiting for a volume to be created either by the external provisioner '{found.Provisioner}' or manually by the system administrator. "
                + "If volume creation is delayed, please verify that the provisioner is running and correctly registered.");
        }
    }

    private static string NoFolder(Volume volume) =>
        $"volume \"{volume.Name}\" is no folder of a node (hostPath or local): an edge node has nothing else to give to a pod";

    private StorageClassGist? ClassOf(ClaimGist view) =>
        _classes.Get(new NamespacedName("", VolumeMatch.ClassOf(view)))?.View(ControllersJson.Default.StorageClassGist);

    private bool HasConsumer(KubeObject claim) => _view.Pods.Pods.Snapshot().Any(pod =>
        pod is { IsDeleting: false } && pod.Namespace == claim.Namespace
        && pod.View(ControllersJson.Default.PodToScheduleGist).Spec?.Claims().Contains(claim.Name) == true);

    private void Tell(KubeObject subject, ApiResource kind, bool isWarning, string reason, string message) =>
        _events.Record(Component, EventSubject.Of(subject, kind), isWarning, reason, message);
}
