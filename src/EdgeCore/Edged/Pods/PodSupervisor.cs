using System.Threading.Channels;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// Gives each pod, wanted or found in the runtime, its worker, and wakes workers when something of theirs changes:
/// objects by MetaManager's announcements, containers by listing them every second.
/// </summary>
internal sealed partial class PodSupervisor(EdgedParts parts, ILogger<PodSupervisor> logger) : IAsyncDisposable
{
    private static readonly TimeSpan s_relistPeriod = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly HashSet<ObjectKey> _dirty = []; // guarded by _gate
    private readonly Dictionary<string, PodWorker> _workers = []; // by UID; guarded by _gate
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private IReadOnlyDictionary<string, RelistedPod> _listed = new Dictionary<string, RelistedPod>(); // of the relist loop
    private bool _runtimeWasAway; // of the relist loop
    private bool _foldersChecked; // of the relist loop

    /// <summary>
    /// Whether pods in the runtime that MetaManager does not know stay. True while MetaManager may not know all of its
    /// objects: its file was damaged, and the hub has not sent them again yet.
    /// </summary>
    public bool KeepsUnknownPods { get; set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var pods = parts.Objects.Subscribe(ResourceTypes.Pod, Note);
        using var maps = parts.Objects.Subscribe(ResourceTypes.ConfigMap, Note);
        using var secrets = parts.Objects.Subscribe(ResourceTypes.Secret, Note);
        foreach (var pod in parts.Objects.List(ResourceTypes.Pod))
        {
            Note(pod.Key(ResourceTypes.Pod));
        }

        await Task.WhenAll(DispatchAsync(cancellationToken), RelistAsync(cancellationToken));
    }

    /// <summary>Wakes every worker: something that they all depend on has changed.</summary>
    public void WakeAll()
    {
        foreach (var worker in Workers())
        {
            worker.SignalObjects();
        }
    }

    /// <summary>Wakes one pod's worker: something that its files are made of has changed.</summary>
    public void Wake(string uid)
    {
        lock (_gate)
        {
            _workers.GetValueOrDefault(uid)?.SignalObjects();
        }
    }

    /// <summary>Stops the workers; the pods go on.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var worker in Workers())
        {
            await worker.DisposeAsync();
        }
    }

    private void Note(ObjectKey key)
    {
        lock (_gate)
        {
            _dirty.Add(key);
        }

        _signal.Writer.TryWrite(true);
    }

    private async Task DispatchAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _signal.Reader.ReadAsync(cancellationToken);
            ObjectKey[] keys;
            lock (_gate)
            {
                keys = [.. _dirty];
                _dirty.Clear();
            }

            foreach (var key in keys)
            {
                Dispatch(key);
            }
        }
    }

    private void Dispatch(ObjectKey key)
    {
        if (key.Type != ResourceTypes.Pod)
        {
            foreach (var worker in Workers().Where(w => w.RefersTo(key)))
            {
                worker.SignalObjects();
            }

            return;
        }

        // an earlier incarnation of the name looks, and finds that it is not wanted any more
        foreach (var worker in Workers().Where(w => w.Key == key))
        {
            worker.SignalObjects();
        }

        if (parts.Objects.Get(key) is { Uid.Length: > 0 } pod)
        {
            Ensure(pod.Uid, key.Namespace, key.Name);
        }
    }

    private void Ensure(string uid, string ns, string name)
    {
        lock (_gate)
        {
            if (!_workers.ContainsKey(uid))
            {
                var worker = new PodWorker(parts, uid, ns, name);
                _workers[uid] = worker;
                worker.Start(Ended);
            }
        }
    }

    private void Ended(PodWorker worker)
    {
        lock (_gate)
        {
            _workers.Remove(worker.Uid);
        }

        Note(worker.Key); // the same pod may have come back meanwhile
    }

    private PodWorker[] Workers()
    {
        lock (_gate)
        {
            return [.. _workers.Values];
        }
    }

    private async Task RelistAsync(CancellationToken cancellationToken)
    {
        var retry = new RetryDelay(TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(5), parts.Time);
        var isFirst = true;
        while (true)
        {
            var wait = s_relistPeriod;
            try
            {
                // with no pod wanted or seen there is nothing that could change by itself
                if (isFirst || Workers().Length > 0)
                {
                    await RelistOnceAsync(cancellationToken);
                    isFirst = false;
                    retry.Succeed();
                }
            }
            catch (CriException e)
            {
                wait = retry.Fail();
                if (!_runtimeWasAway)
                {
                    _runtimeWasAway = true;
                    LogRuntimeAway(e.Message);
                }
            }

            await Task.Delay(wait, parts.Time, cancellationToken);
        }
    }

    private async Task RelistOnceAsync(CancellationToken cancellationToken)
    {
        var listed = await parts.Runtime.RelistAsync(cancellationToken);
        var wasAway = _runtimeWasAway;
        if (wasAway)
        {
            _runtimeWasAway = false;
            LogRuntimeBack();
        }

        foreach (var (uid, pod) in listed)
        {
            if (Wanted(uid, pod) || !KeepsUnknownPods)
            {
                Ensure(uid, pod.Namespace, pod.Name);
            }
        }

        if (!_foldersChecked && !KeepsUnknownPods)
        {
            _foldersChecked = true;
            RemoveLeftFolders();
        }

        foreach (var worker in Workers())
        {
            // after an absence the workers' own waits may be long: all look at once
            if (wasAway || listed.GetValueOrDefault(worker.Uid) != _listed.GetValueOrDefault(worker.Uid))
            {
                worker.SignalRuntime();
            }
        }

        _listed = listed;
    }

    /// <summary>Folders of pods that went while an earlier life of the agent ended.</summary>
    private void RemoveLeftFolders()
    {
        var wanted = parts.Objects.List(ResourceTypes.Pod).Select(p => p.Uid).ToHashSet();
        foreach (var uid in PodFolders.Uids(parts.Settings).Except(wanted).Except(Workers().Select(w => w.Uid)).ToArray())
        {
            try
            {
                PodFolders.Remove(parts.Settings, uid);
            }
            catch (IOException e)
            {
                LogFolderStays(uid, e.Message);
            }
        }
    }

    private bool Wanted(string uid, RelistedPod pod) =>
        parts.Objects.Get(new ObjectKey(pod.Namespace, ResourceTypes.Pod, pod.Name))?.Uid == uid;

    [LoggerMessage(LogLevel.Warning, "The container runtime is away; pods are taken up again when it is back: {Reason}")]
    private partial void LogRuntimeAway(string reason);

    [LoggerMessage(LogLevel.Warning, "The folder of pod {Uid}, which is gone, cannot be removed: {Reason}")]
    private partial void LogFolderStays(string uid, string reason);

    [LoggerMessage(LogLevel.Information, "The container runtime is back")]
    private partial void LogRuntimeBack();
}
