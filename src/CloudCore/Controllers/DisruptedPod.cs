using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Says in a pod's status why it is about to be deleted, as Kubernetes does (condition DisruptionTarget).</summary>
internal static class DisruptedPod
{
    /// <param name="client">Whom to tell.</param>
    /// <param name="pod">The pod.</param>
    /// <param name="reason">One word.</param>
    /// <param name="message">For people.</param>
    /// <param name="failed">Whether it has ended for certain: its phase becomes Failed, where it has not ended already.</param>
    /// <param name="now">The time.</param>
    /// <param name="ct">Ends the request.</param>
    /// <exception cref="ApiException">Not found, or a conflict: it is another pod by now.</exception>
    public static Task<KubeObject> MarkAsync(
        KubeClient client, PodFacts pod, string reason, string message, bool failed, DateTimeOffset now, CancellationToken ct)
    {
        var status = new JsonObject
        {
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["type"] = "DisruptionTarget",
                ["status"] = "True",
                ["reason"] = reason,
                ["message"] = message,
                ["lastTransitionTime"] = KubeTime.Format(now),
            }),
        };
        return PatchAsync(client, pod, status, failed, ct);
    }

    /// <summary>The phase alone, for what nobody disrupts.</summary>
    public static Task<KubeObject> FailAsync(KubeClient client, PodFacts pod, CancellationToken ct) => PatchAsync(client, pod, [], true, ct);

    // by the merge of lists by their keys: the other conditions are the agent's
    private static Task<KubeObject> PatchAsync(KubeClient client, PodFacts pod, JsonObject status, bool failed, CancellationToken ct)
    {
        if (failed && !pod.IsTerminal)
        {
            status["phase"] = "Failed";
        }

        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = pod.Uid }, ["status"] = status };
        return client.PatchAsync(
            ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, PatchType.StrategicMerge, Encoding.UTF8.GetBytes(patch.ToJsonString()), "status", ct);
    }
}
