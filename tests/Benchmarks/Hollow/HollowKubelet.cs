using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>What an agent says about its node and its pods, in the agent's words; nothing runs.</summary>
internal static class HollowKubelet
{
    /// <summary>The Node, as the agent registers it.</summary>
    public static UpstreamMessage Registration(string node) => new(
        "node", Lane.Control, Each: false, Sources.Edged, Groups.Meta, Operations.Insert, $"null/{ResourceTypes.Node}/{node}",
        Bytes(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject
            {
                ["name"] = node,
                ["labels"] = new JsonObject
                {
                    ["kubernetes.io/hostname"] = node,
                    ["kubernetes.io/os"] = "linux",
                    ["kubernetes.io/arch"] = "amd64",
                    ["beta.kubernetes.io/os"] = "linux",
                    ["beta.kubernetes.io/arch"] = "amd64",
                    ["node-role.kubernetes.io/edge"] = "",
                    ["node-role.kubernetes.io/agent"] = "",
                },
                ["annotations"] = new JsonObject { ["volumes.kubernetes.io/controller-managed-attach-detach"] = "true" },
            },
            ["status"] = Status(node),
        }));

    /// <summary>The node's status, as the agent sends it on each connection and every five minutes.</summary>
    public static UpstreamMessage NodeStatus(string node) => new(
        "nodestatus", Lane.Control, Each: false, Sources.Edged, Groups.Meta, Operations.Patch, $"null/{ResourceTypes.NodePatch}/{node}",
        Quoted(new JsonObject { ["status"] = Status(node) }));

    /// <summary>"It runs".</summary>
    public static UpstreamMessage PodRuns(KubeObject pod, string node)
    {
        var now = KubeTime.Format(DateTimeOffset.UtcNow);
        JsonNode Condition(string type) => new JsonObject { ["type"] = type, ["status"] = "True", ["lastTransitionTime"] = now };
        return new UpstreamMessage(
            $"podstatus/{pod.Namespace}/{pod.Name}/{pod.Uid}", Lane.Pods, Each: false, Sources.Edged, Groups.Meta, Operations.Patch,
            $"{pod.Namespace}/{ResourceTypes.PodPatch}/{pod.Name}",
            Quoted(new JsonObject
            {
                ["metadata"] = new JsonObject { ["uid"] = pod.Uid },
                ["status"] = new JsonObject
                {
                    ["phase"] = "Running",
                    ["startTime"] = now,
                    ["hostIP"] = "127.0.0.1",
                    ["podIP"] = "10.0.0.1",
                    ["conditions"] = new JsonArray(
                        Condition("PodReadyToStartContainers"), Condition("Initialized"), Condition("Ready"), Condition("ContainersReady"), Condition("PodScheduled")),
                    ["containerStatuses"] = new JsonArray(new JsonObject
                    {
                        ["name"] = "main",
                        ["ready"] = true,
                        ["started"] = true,
                        ["restartCount"] = 0,
                        ["image"] = "registry.local/app:1",
                        ["imageID"] = "sha256:0000000000000000000000000000000000000000000000000000000000000000",
                        ["containerID"] = $"containerd://{pod.Uid}-{node}",
                        ["state"] = new JsonObject { ["running"] = new JsonObject { ["startedAt"] = now } },
                    }),
                },
            }));
    }

    /// <summary>"Nothing is left of it".</summary>
    public static UpstreamMessage PodEnded(KubeObject pod) => new(
        $"poddelete/{pod.Namespace}/{pod.Name}/{pod.Uid}", Lane.Pods, Each: false, Sources.Edged, Groups.Meta, Operations.Delete,
        $"{pod.Namespace}/{ResourceTypes.Pod}/{pod.Name}",
        Bytes(new JsonObject { ["gracePeriodSeconds"] = 0, ["preconditions"] = new JsonObject { ["uid"] = pod.Uid } }));

    private static JsonObject Status(string node)
    {
        var now = KubeTime.Format(DateTimeOffset.UtcNow);
        JsonNode Condition(string type, string status, string reason, string message) => new JsonObject
        {
            ["type"] = type,
            ["status"] = status,
            ["reason"] = reason,
            ["message"] = message,
            ["lastHeartbeatTime"] = now,
            ["lastTransitionTime"] = "2026-01-01T00:00:00Z",
        };
        JsonObject Resources() => new() { ["cpu"] = "4", ["memory"] = "8000000Ki", ["pods"] = "3000", ["ephemeral-storage"] = "60000000Ki" };
        return new JsonObject
        {
            ["capacity"] = Resources(),
            ["allocatable"] = Resources(),
            ["conditions"] = new JsonArray(
                Condition("MemoryPressure", "False", "EdgeHasSufficientMemory", "enough memory is available"),
                Condition("DiskPressure", "False", "EdgeHasNoDiskPressure", "the disk has room"),
                Condition("PIDPressure", "False", "EdgeHasSufficientPID", "enough process ids are available"),
                Condition("Ready", "True", "EdgeReady", "edge is posting ready status")),
            ["addresses"] = new JsonArray(new JsonObject { ["type"] = "Hostname", ["address"] = node }),
            ["nodeInfo"] = new JsonObject
            {
                ["machineID"] = node,
                ["systemUUID"] = node,
                ["bootID"] = "00000000-0000-0000-0000-000000000000",
                ["kernelVersion"] = "6.1.0",
                ["osImage"] = "Debian GNU/Linux 12 (bookworm)",
                ["containerRuntimeVersion"] = "containerd://1.7.0",
                ["kubeletVersion"] = "v1.31.0-edgesync-v0.1.0",
                ["kubeProxyVersion"] = "",
                ["operatingSystem"] = "linux",
                ["architecture"] = "amd64",
            },
        };
    }

    private static byte[] Bytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());

    /// <summary>KubeEdge's patches are a JSON string that holds JSON.</summary>
    private static byte[] Quoted(JsonObject json) =>
        Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(json.ToJsonString(), JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
}
