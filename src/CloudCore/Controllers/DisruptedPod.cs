using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Why a pod goes, as its status says it (condition DisruptionTarget).</summary>
/// <param name="Reason">One word.</param>
/// <param name="Message">For people.</param>
/// <param name="At">The time.</param>
internal sealed record DisruptionCause(string Reason, string Message, DateTimeOffset At)
{
    /// <summary>The phase that is written too; null leaves it.</summary>
    public string? Phase { get; init; }

    /// <summary>Its time to end; null: its own.</summary>
    public long? GracePeriodSeconds { get; init; }
}

/// <summary>Deletes pods that their owners keep, and says in their status why, as Kubernetes does.</summary>
internal static class DisruptedPod
{
    /// <returns>False where it is gone, or another pod has its name: what was wanted, by somebody else.</returns>
    public static async Task<bool> DeleteAsync(KubeClient client, NamespacedName pod, string uid, DisruptionCause why, CancellationToken ct)
    {
        var status = new JsonObject
        {
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["type"] = "DisruptionTarget",
                ["status"] = "True",
                ["reason"] = why.Reason,
                ["message"] = why.Message,
                ["lastTransitionTime"] = KubeTime.Format(why.At),
            }),
        };
        if (why.Phase is not null)
        {
            status["phase"] = why.Phase;
        }

        try
        {
            await WriteStatusAsync(client, pod, uid, status, ct);
            await client.DeleteAsync(
                ApiResources.Pods, pod.Namespace, pod.Name, new DeleteOptions { Uid = uid, GracePeriodSeconds = why.GracePeriodSeconds }, ct);
            return true;
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            return false;
        }
    }

    /// <summary>Of one that nobody disrupts and nobody is left to end: the phase alone.</summary>
    public static Task FailAsync(KubeClient client, PodFacts pod, CancellationToken ct) =>
        WriteStatusAsync(client, pod.Name, pod.Uid, new JsonObject { ["phase"] = "Failed" }, ct);

    // by the merge of lists by their keys: the other conditions are the agent's
    private static Task<KubeObject> WriteStatusAsync(KubeClient client, NamespacedName pod, string uid, JsonObject status, CancellationToken ct)
    {
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = uid }, ["status"] = status };
        return client.PatchAsync(
            ApiResources.Pods, pod.Namespace, pod.Name, PatchType.StrategicMerge, Encoding.UTF8.GetBytes(patch.ToJsonString()), "status", ct);
    }
}
