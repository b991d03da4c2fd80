using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// Sends pods' statuses up through the outbox when they have changed, and remembers the last one of each pod: in
/// memory, and in the pod's folder so that times and final phases outlive the agent.
/// </summary>
internal sealed class StatusReporter(Outbox outbox, EdgedSettings settings)
{
    /// <summary>In the pod's folder.</summary>
    public const string FileName = "status.json";

    private readonly ConcurrentDictionary<string, PodStatus> _last = new();
    private readonly ConcurrentDictionary<string, string> _sent = new();

    /// <summary>The pod's last status, this life's or the one before; null for a new pod.</summary>
    public PodStatus? Last(string uid) => _last.TryGetValue(uid, out var status) ? status : Load(uid);

    /// <summary>Puts the status into the outbox if it is another than the last one sent.</summary>
    public async Task ReportAsync(WantedPod pod, PodStatus status, CancellationToken cancellationToken)
    {
        var patch = Patch(pod.Uid, status);
        if (_sent.TryGetValue(pod.Uid, out var sent) && sent == patch)
        {
            return;
        }

        await outbox.PutAsync(
            new UpstreamMessage(
                $"podstatus/{pod.Namespace}/{pod.Name}/{pod.Uid}", Lane.Pods, Each: false, Sources.Edged, Groups.Meta, Operations.Patch,
                $"{pod.Namespace}/{ResourceTypes.PodPatch}/{pod.Name}", QuotedJson.Quote(patch)),
            cancellationToken);
        Failpoint.Hit(EdgeFailpoints.StatusQueued);
        _sent[pod.Uid] = patch;
        _last[pod.Uid] = status;
        Store(pod.Uid, status);
        Failpoint.Hit(EdgeFailpoints.StatusStored);
    }

    /// <summary>Tells the cloud that nothing is left of a pod that was being deleted.</summary>
    public Task ReportDeletedAsync(WantedPod pod, CancellationToken cancellationToken) => outbox.PutAsync(
        new UpstreamMessage(
            $"poddelete/{pod.Namespace}/{pod.Name}/{pod.Uid}", Lane.Pods, Each: false, Sources.Edged, Groups.Meta, Operations.Delete,
            $"{pod.Namespace}/{ResourceTypes.Pod}/{pod.Name}",
            Encoding.UTF8.GetBytes(QuotedJson.Write(new JsonObject
            {
                ["gracePeriodSeconds"] = 0,
                ["preconditions"] = new JsonObject { ["uid"] = pod.Uid },
            }))),
        cancellationToken);

    public void Forget(string uid)
    {
        _last.TryRemove(uid, out _);
        _sent.TryRemove(uid, out _);
    }

    /// <summary>
    /// A strategic merge patch. What the status no longer has is written as null, and lists that merge by key
    /// (podIPs, hostIPs) begin with the directive that replaces them: a merge would keep what is left out.
    /// </summary>
    private static string Patch(string uid, PodStatus status)
    {
        var json = JsonSerializer.SerializeToNode(status, KubernetesJson.Default.PodStatus)!.AsObject();
        foreach (var member in (string[])["reason", "message", "podIP"])
        {
            json.TryAdd(member, null);
        }

        foreach (var condition in json["conditions"]!.AsArray())
        {
            condition!.AsObject().TryAdd("reason", null);
            condition.AsObject().TryAdd("message", null);
        }

        foreach (var list in (string[])["podIPs", "hostIPs"])
        {
            if (json[list] is JsonArray addresses)
            {
                addresses.Insert(0, new JsonObject { ["$patch"] = "replace" });
            }
            else
            {
                json[list] = null;
            }
        }

        return QuotedJson.Write(new JsonObject { ["metadata"] = new JsonObject { ["uid"] = uid }, ["status"] = json });
    }

    private PodStatus? Load(string uid)
    {
        try
        {
            var status = JsonSerializer.Deserialize(
                File.ReadAllBytes(Path.Combine(settings.PodFolder(uid), FileName)), KubernetesJson.Default.PodStatus);
            if (status is not null)
            {
                _last[uid] = status;
            }

            return status;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null; // a new pod, or a file torn by a power cut: the status is worked out afresh
        }
    }

    private void Store(string uid, PodStatus status)
    {
        var path = Path.Combine(settings.PodFolder(uid), FileName);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(status, KubernetesJson.Default.PodStatus));
        File.Move(path + ".new", path, overwrite: true);
    }
}
