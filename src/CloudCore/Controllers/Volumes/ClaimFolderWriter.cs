using System.Collections.Concurrent;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Volumes;

/// <summary>
/// Tells pods that have a node without having come through our scheduler (of DaemonSets, with <c>nodeName</c> set by hand) which folders
/// their claims are, as soon as those are bound: the box asks for no claims. What a pod has been told stays.
/// </summary>
internal sealed class ClaimFolderWriter : IController
{
    private const string Component = "persistentvolume-controller";

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _claims;
    private readonly Informer _volumes;
    private readonly EventRecorder _events;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ClaimPlaces _places;
    private readonly WorkQueue<NamespacedName> _queue;

    // pods whose claims are not bound yet, or not to what is on their node
    private readonly ConcurrentDictionary<NamespacedName, bool> _waiting = new();

    public ClaimFolderWriter(
        KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<ClaimFolderWriter> logger)
    {
        _client = client;
        _view = view;
        _claims = informers.For(ApiResources.PersistentVolumeClaims);
        _volumes = informers.For(ApiResources.PersistentVolumes);
        _events = events;
        _options = options;
        _time = time;
        _places = new ClaimPlaces(_claims, _volumes);
        _queue = new WorkQueue<NamespacedName>("claim folders", time, logger);
        view.Pods.OnChange(NotePod);
        view.Nodes.OnChange(NoteNode);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await Task.WhenAll(_claims.WaitForSyncAsync(ct), _volumes.WaitForSyncAsync(ct)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_claims, _ => NoteWaiting());
        _view.Follow(_volumes, _ => NoteWaiting());
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    // once for each pod: what it has is fixed, and what it waits for is followed
    private void NotePod(PodChange change)
    {
        if (change.New is not { } pod)
        {
            _waiting.TryRemove(change.Old!.Name, out _);
        }
        else if (pod.IsBound && (change.Old is not { IsBound: true } old || old.Uid != pod.Uid))
        {
            _options.Deliver(() => _queue.Add(pod.Name));
        }
    }

    private void NoteNode(NodeChange change)
    {
        if (change.Old is null)
        {
            NoteWaiting();
        }
    }

    private void NoteWaiting()
    {
        foreach (var pod in _waiting.Keys)
        {
            _options.Deliver(() => _queue.Add(pod));
        }
    }

    private void LookAtAll()
    {
        foreach (var pod in _view.Pods.All().Where(pod => pod is { IsBound: true, IsTerminal: false }))
        {
            _queue.Add(pod.Name);
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        // few pods have claims: the others are not read once more
        if (_view.Pods.Pods.Get(key) is not { IsDeleting: false } value
            || value.Json.Span.IndexOf("\"persistentVolumeClaim\""u8) < 0
            || SchedulingPod.Read(value) is not { NodeName.Length: > 0, Claims.Count: > 0, HasClaimFolders: false } pod)
        {
            _waiting.TryRemove(key, out _);
            return;
        }

        // before the caches are read: what changes after that is noted
        _waiting[key] = true;
        var places = _places.Of(pod);
        if (places.Refused is not null || _view.Nodes.GetObject(pod.NodeName) is not { } node)
        {
            return;
        }

        if (places.Judge(SchedulingNode.Read(node)) is { } verdict)
        {
            _events.Record(Component, EventSubject.Pod(pod.Name, pod.Uid), true, "FailedMount", $"a volume is not on node {pod.NodeName}: {verdict.Reason}");
            return;
        }

        if (places.Folders.Count > 0)
        {
            try
            {
                await _client.PatchAsync(
                    ApiResources.Pods, key.Namespace, key.Name, PatchType.Merge, MetadataPatch.Annotation(pod.Uid, EdgeAnnotations.ClaimFolders, ClaimPlaces.Write(places.Folders)), null, ct);
            }
            catch (ApiException e) when (e.IsNotFound || e.IsConflict)
            {
                // gone, or another pod has its name: that one is noted itself
            }
        }

        _waiting.TryRemove(key, out _);
    }
}
