using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// Asks for the ConfigMaps and Secrets that this node's pods mention: a KubeEdge hub sends none of them by itself, only the
/// changes of those that it knows to be in use. Each is asked for once a session (it may have changed while the link was down,
/// and the hub may have forgotten that this node has it), and again, with growing pauses, while the hub has none.
/// </summary>
internal sealed partial class ReferenceQueries(MetaManager.MetaManager objects, HubRequests requests, TimeProvider time, ILogger logger)
{
    private const int AtOnce = 4;

    private static readonly Backoff s_retry = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    private readonly WakeSignal _podsChanged = new();
    private readonly Dictionary<ObjectKey, Asked> _asked = []; // of the loop; an entry's fields of the one request for it

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var pods = objects.Subscribe(ResourceTypes.Pod, _ => _podsChanged.Set());
        while (true)
        {
            var due = Due(out var wait);
            if (due.Count == 0)
            {
                await _podsChanged.WaitAsync(wait, cancellationToken);
                continue;
            }

            await System.Threading.Tasks.Parallel.ForEachAsync(
                due,
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
                async (asked, token) => await AskAsync(asked, token));
        }
    }

    private List<Asked> Due(out TimeSpan wait)
    {
        wait = Timeout.InfiniteTimeSpan;
        var wanted = Wanted();
        foreach (var gone in _asked.Keys.Where(k => !wanted.Contains(k)).ToList())
        {
            _asked.Remove(gone);
        }

        var due = new List<Asked>();
        foreach (var key in wanted)
        {
            if (!_asked.TryGetValue(key, out var asked))
            {
                _asked.Add(key, asked = new Asked(key));
            }

            if (asked.IsAnswered)
            {
                continue;
            }

            var left = asked.Wait - time.GetElapsedTime(asked.At);
            if (left <= TimeSpan.Zero)
            {
                due.Add(asked);
            }
            else if (wait == Timeout.InfiniteTimeSpan || left < wait)
            {
                wait = left;
            }
        }

        return due;
    }

    private HashSet<ObjectKey> Wanted()
    {
        var wanted = new HashSet<ObjectKey>();
        foreach (var stored in objects.List(ResourceTypes.Pod))
        {
            try
            {
                var pod = WantedPod.Read(stored);
                wanted.UnionWith(pod.ConfigMaps.Select(name => new ObjectKey(pod.Namespace, ResourceTypes.ConfigMap, name)));
                wanted.UnionWith(pod.Secrets.Select(name => new ObjectKey(pod.Namespace, ResourceTypes.Secret, name)));
            }
            catch (KubeObjectException)
            {
                // its worker says so; what it mentions is not known
            }
        }

        return wanted;
    }

    /// <summary>The answer itself is stored by the session, as a pushed object is.</summary>
    private async Task AskAsync(Asked asked, CancellationToken cancellationToken)
    {
        var answer = await requests.AskForObjectAsync(Operations.Query, asked.Key.ToString(), default, HubRequests.DefaultTimeout, cancellationToken);
        asked.At = time.GetTimestamp();
        asked.IsAnswered = answer.Succeeded;
        if (!answer.Succeeded)
        {
            asked.Wait = s_retry.After(++asked.Failures);
            if (asked.Failures == 1)
            {
                LogNotGiven(asked.Key, answer.Problem);
            }
        }
    }

    private sealed class Asked(ObjectKey key)
    {
        public ObjectKey Key => key;

        public bool IsAnswered { get; set; }

        public int Failures { get; set; }

        public long At { get; set; }

        public TimeSpan Wait { get; set; }
    }

    [LoggerMessage(LogLevel.Warning, "The hub does not give {Resource}, which a pod mentions: {Reason}; asking again from time to time")]
    private partial void LogNotGiven(ObjectKey resource, string reason);
}
