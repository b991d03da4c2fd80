using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers.Volumes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>The requests by which the scheduler's decisions are carried out.</summary>
internal sealed partial class SchedulerActions(
    KubeClient client, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger logger)
{
    private const string Component = SchedulingPod.DefaultScheduler;

    private readonly ILogger _logger = logger;

    /// <summary>Gives the pod its node; and, as an annotation, the folders that its claims are there, so that the node need not ask for claims and volumes.</summary>
    public async Task BindAsync(SchedulingPod pod, string node, IReadOnlyDictionary<string, VolumeFolder> folders, CancellationToken ct)
    {
        var metadata = new JsonObject { ["name"] = pod.Name.Name, ["namespace"] = pod.Name.Namespace, ["uid"] = pod.Uid };
        if (folders.Count > 0)
        {
            metadata["annotations"] = new JsonObject { [EdgeAnnotations.ClaimFolders] = ClaimPlaces.Write(folders) };
        }

        var binding = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Binding",
            ["metadata"] = metadata,
            ["target"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node },
        };
        await client.CreateAsync(ApiResources.Bindings, pod.Name.Namespace, Bytes(binding), ct);
        LogBound(pod.Name, node);
        events.Record(Component, Subject(pod), false, "Scheduled", $"Successfully assigned {pod.Name} to {node}");
    }

    /// <summary>Says why the pod has no node; where others must go for it, sends them.</summary>
    public async Task RefuseAsync(SchedulingPod pod, PlacementOutcome outcome, CancellationToken ct)
    {
        var nominated = outcome.Preemption?.Node ?? (outcome.KeepsNomination ? pod.NominatedNode : "");
        events.Record(Component, Subject(pod), true, "FailedScheduling", outcome.Message);
        var told = pod.Scheduled is { Status: "False", Reason: "Unschedulable" } scheduled && scheduled.Message == outcome.Message;
        if (!told || nominated != pod.NominatedNode)
        {
            await WriteStatusAsync(pod, Condition(pod, outcome.Message), nominated == pod.NominatedNode ? null : nominated, ct);
        }

        if (outcome.Preemption is { } plan)
        {
            await Parallel.ForEachAsync(
                plan.Victims.Where(victim => !victim.IsDeleting),
                new ParallelOptions { CancellationToken = ct, MaxDegreeOfParallelism = options.ParallelRequests },
                async (victim, token) => await RemoveAsync(victim, pod, plan.Node, token));
        }
    }

    private async Task RemoveAsync(SchedulingPod victim, SchedulingPod pod, string node, CancellationToken ct)
    {
        var why = new DisruptionCause("PreemptionByScheduler", $"{Component}: preempting to accommodate a higher priority pod", time.GetUtcNow());
        if (!await DisruptedPod.DeleteAsync(client, victim.Name, victim.Uid, why, ct))
        {
            return;
        }

        LogPreempted(victim.Name, node, pod.Name);
        events.Record(Component, Subject(victim), false, "Preempted", $"Preempted by pod {pod.Uid} on node {node}");
    }

    // by the merge of lists by their keys: the other conditions are the agent's
    private Task<KubeObject> WriteStatusAsync(SchedulingPod pod, JsonObject condition, string? nominated, CancellationToken ct)
    {
        var status = new JsonObject { ["conditions"] = new JsonArray(condition) };
        if (nominated is not null)
        {
            status["nominatedNodeName"] = nominated.Length > 0 ? nominated : null;
        }

        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = pod.Uid }, ["status"] = status };
        return client.PatchAsync(
            ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, PatchType.StrategicMerge, Bytes(patch), "status", ct);
    }

    private JsonObject Condition(SchedulingPod pod, string message) => new()
    {
        ["type"] = "PodScheduled",
        ["status"] = "False",
        ["reason"] = "Unschedulable",
        ["message"] = message,
        ["lastProbeTime"] = null,
        ["lastTransitionTime"] = pod.Scheduled is { Status: "False", LastTransitionTime: { } since } ? since : KubeTime.Format(time.GetUtcNow()),
    };

    private static EventSubject Subject(SchedulingPod pod) => EventSubject.Pod(pod.Name, pod.Uid);

    private static byte[] Bytes(JsonObject value) => Encoding.UTF8.GetBytes(value.ToJsonString());

    [LoggerMessage(LogLevel.Debug, "Pod {Pod} goes to node {Node}")]
    private partial void LogBound(NamespacedName pod, string node);

    [LoggerMessage(LogLevel.Information, "Pod {Victim} on {Node} makes room for {Pod}")]
    private partial void LogPreempted(NamespacedName victim, string node, NamespacedName pod);
}
