using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// Asks the hub about each pod that is stored or runs here, once a session. A KubeEdge hub takes no inventory: it goes by its
/// own records (ObjectSync), so it never again sends a pod to a box that lost its database, and never says of a pod that it went
/// while its Node was deleted. A status patch that changes nothing, with the pod's UID, is a question that its agents' wire
/// has an answer for: the whole pod, 404 where there is none, 422 (409) where the name has another UID now.
/// <para>After that every pod is either stored or known to be gone, as after an inventory.</para>
/// </summary>
/// <param name="nodeName">Pods that are bound to another node are not ours.</param>
/// <param name="objects">What is stored.</param>
/// <param name="requests">Where to ask.</param>
/// <param name="adopt">Stores a pod that the hub gave, as if it had been pushed.</param>
/// <param name="remove">Removes a stored pod by its UID, as if the hub had sent a delete.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class PodCheck(
    string nodeName, MetaManager.MetaManager objects, HubRequests requests,
    Action<ObjectKey, KubeObject> adopt, Action<ObjectKey, string> remove, TimeProvider time, ILogger logger)
{
    private const int AtOnce = 4;

    private static readonly Backoff s_retry = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    /// <summary>Runs until every pod's fate is known and stored, however often it takes.</summary>
    /// <param name="running">Reads the pods of this node from the runtime: UID to address.</param>
    /// <param name="cancellationToken">Ends with the session.</param>
    public async Task RunAsync(
        Func<CancellationToken, Task<IReadOnlyDictionary<string, RelistedPod>>> running, CancellationToken cancellationToken)
    {
        var changed = new WakeSignal();
        using var pods = objects.Subscribe(ResourceTypes.Pod, _ => changed.Set());
        for (var failures = 1; !await TryRoundAsync(running, changed, cancellationToken); failures++)
        {
            await Task.Delay(s_retry.After(failures), time, cancellationToken);
        }
    }

    private async Task<bool> TryRoundAsync(
        Func<CancellationToken, Task<IReadOnlyDictionary<string, RelistedPod>>> running, WakeSignal changed, CancellationToken cancellationToken)
    {
        Dictionary<string, ObjectKey> pods;
        try
        {
            pods = (await running(cancellationToken)).ToDictionary(p => p.Key, p => new ObjectKey(p.Value.Namespace, ResourceTypes.Pod, p.Value.Name));
        }
        catch (CriException)
        {
            return false; // what runs is not known now
        }

        foreach (var stored in objects.List(ResourceTypes.Pod))
        {
            pods[stored.Uid] = stored.Key(ResourceTypes.Pod);
        }

        var fates = new Fate[pods.Count];
        await System.Threading.Tasks.Parallel.ForEachAsync(
            pods.Index(),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (pod, token) => fates[pod.Index] = await AskAsync(pod.Item.Key, pod.Item.Value, token));
        return !fates.Contains(Fate.Unknown)
            && await StoredAsync([.. pods.Where((_, i) => fates[i] == Fate.Wanted)], changed, cancellationToken);
    }

    private async Task<Fate> AskAsync(string uid, ObjectKey key, CancellationToken cancellationToken)
    {
        var question = MessageContent.Text($$$"""{"metadata":{"uid":"{{{uid}}}"}}""");
        var answer = await requests.AskForObjectAsync(
            Operations.Patch, $"{key.Namespace}/{ResourceTypes.PodPatch}/{key.Name}", question, HubRequests.DefaultTimeout, cancellationToken);
        if (answer.Succeeded)
        {
            return Take(uid, key, answer);
        }

        if (answer.Code is not (404 or 409 or 422))
        {
            LogNotAnswered(key, answer.Problem);
            return Fate.Unknown;
        }

        if (objects.Get(key)?.Uid == uid)
        {
            LogGone(key, uid);
            remove(key, uid);
        }

        return Fate.Gone;
    }

    private Fate Take(string uid, ObjectKey key, ObjectAnswer answer)
    {
        try
        {
            var pod = KubeObject.Parse(WithKind(answer.Object));
            if (pod.Uid != uid || pod.Name != key.Name || pod.View(KubernetesJson.Default.Pod).Spec.NodeName != nodeName)
            {
                return Fate.Gone;
            }

            if (objects.Get(key) is not { } stored || stored.Uid != uid)
            {
                LogAdopted(key, uid);
            }

            adopt(key, pod);
            return Fate.Wanted;
        }
        catch (KubeObjectException e)
        {
            LogNotAnswered(key, e.Message);
            return Fate.Unknown;
        }
    }

    /// <summary>The objects of these answers come without their kind.</summary>
    private static ReadOnlyMemory<byte> WithKind(ReadOnlyMemory<byte> pod) =>
        KubeObject.Parse(pod).Kind.Length > 0 ? pod : (byte[])[.. """{"kind":"Pod","apiVersion":"v1","""u8, .. pod.Span.TrimStart((byte)'{')];

    /// <summary>Until what was adopted is on disk; false where that does not come about.</summary>
    private async Task<bool> StoredAsync(
        IReadOnlyList<KeyValuePair<string, ObjectKey>> wanted, WakeSignal changed, CancellationToken cancellationToken)
    {
        var limit = TimeSpan.FromSeconds(30);
        while (wanted.Any(p => objects.Get(p.Value)?.Uid != p.Key))
        {
            if (!await changed.WaitAsync(limit, cancellationToken))
            {
                return false; // the disk does not take it, or it went meanwhile: look again
            }
        }

        return true;
    }

    private enum Fate
    {
        Unknown,
        Wanted,
        Gone,
    }

    [LoggerMessage(LogLevel.Warning, "Whether the hub still wants {Resource} is not known, it stays: {Reason}")]
    private partial void LogNotAnswered(ObjectKey resource, string reason);

    [LoggerMessage(LogLevel.Information, "The hub has no {Resource} (uid {Uid}) any more; it went while the link was down")]
    private partial void LogGone(ObjectKey resource, string uid);

    [LoggerMessage(LogLevel.Information, "{Resource} (uid {Uid}) runs here and was not stored; the hub wants it, and it is taken over")]
    private partial void LogAdopted(ObjectKey resource, string uid);
}
