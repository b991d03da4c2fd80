using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>How often pods' containers were started again, by the pods' own status.</summary>
internal static class PodRestarts
{
    /// <summary>By UID; pods whose status cannot be read are left out.</summary>
    public static IReadOnlyDictionary<string, int> Count(IEnumerable<KubeObject> pods)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var pod in pods)
        {
            try
            {
                counts[pod.Uid] = pod.View(KubernetesJson.Default.Pod).Status?.ContainerStatuses?.Sum(c => c.RestartCount) ?? 0;
            }
            catch (KubeObjectException)
            {
                // what cannot be read cannot be counted
            }
        }

        return counts;
    }

    /// <summary>Pods that were restarted between two counts; one that was not there before was not restarted.</summary>
    public static int Restarted(IReadOnlyDictionary<string, int> before, IReadOnlyDictionary<string, int> after) =>
        after.Count(pod => before.TryGetValue(pod.Key, out var count) && pod.Value > count);
}
