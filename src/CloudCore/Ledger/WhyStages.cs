using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>The five steps of one object on its way to one node.</summary>
internal sealed class WhyStages(NodeScope scope, HubInformers caches)
{
    /// <summary>The steps, and what the node's own report says is wrong; null where it says nothing is.</summary>
    public (IReadOnlyList<WhyStage> Stages, string? Reason) Of(
        ObjectKey key, KubeObject? subject, KubeObject? wanted, ObjectFacts? facts, string node)
    {
        var (applied, running, reason) = Reported(key, subject, facts, node);
        return ([Wanted(wanted, facts, isNamed: subject is null && scope.HoldersOf(key).Contains(node)), Sent(facts), Acknowledged(facts), applied, running], reason);
    }

    /// <summary>ConfigMaps and Secrets that a pod names and the API does not have; null where none is missing.</summary>
    public string? MissingReferences(ObjectKey key, string node)
    {
        if (key.Type != ResourceTypes.Pod || scope.ContributionOf(key) is not { } needs || RunsReady(key))
        {
            return null;
        }

        var missing = needs.Keys.Where(k => scope.Lookup(node, k) is null).Select(k => $"{k.Type}/{k.Name}").ToList();
        return missing.Count == 0 ? null : $"the pod names what the API does not have: {string.Join(", ", missing)}";
    }

    private static WhyStage Wanted(KubeObject? wanted, ObjectFacts? facts, bool isNamed) => new()
    {
        Stage = "wanted",
        Version = wanted?.ResourceVersion,
        Uid = wanted?.Uid,
        At = facts?.ChangedAt is { } changed ? DateTimeOffset.FromUnixTimeMilliseconds(changed) : Created(wanted),
        Detail = wanted is null ? isNamed ? "named by a pod of the node, and the API has none" : "not to be held" : facts?.ChangedAt is not null ? "changed" : "created",
    };

    private static WhyStage Sent(ObjectFacts? facts)
    {
        var stage = new WhyStage { Stage = "sent" };
        if (facts?.SentAt is { } at)
        {
            stage.Version = facts.SentVersion.Length > 0 ? facts.SentVersion : null;
            stage.At = DateTimeOffset.FromUnixTimeMilliseconds(at);
            stage.Detail = (facts.SentVersion.Length > 0 ? "" : "delete, ") + (facts.Attempts == 1 ? "once" : $"{facts.Attempts} times");
        }
        else if (facts is { IsPending: false, HeldUid: not null })
        {
            stage.Version = facts.HeldVersion;
            stage.Uid = facts.HeldUid;
            stage.Detail = "nothing left to send";
        }
        else
        {
            stage.Detail = "not yet";
        }

        return stage;
    }

    private static WhyStage Acknowledged(ObjectFacts? facts) => facts?.HeldUid is null
        ? new WhyStage { Stage = "acknowledged", Detail = facts is null ? "not known until the node connects" : "not yet" }
        : new WhyStage
        {
            Stage = "acknowledged",
            Version = facts.HeldVersion.Length > 0 ? facts.HeldVersion : null,
            Uid = facts.HeldUid,
            At = DateTimeOffset.FromUnixTimeMilliseconds(facts.HeldAt),
            Detail = facts.IsPending ? "an older version" : "stored on the node",
        };

    private (WhyStage Applied, WhyStage Running, string? Reason) Reported(ObjectKey key, KubeObject? subject, ObjectFacts? facts, string node)
    {
        try
        {
            return (key.Type, subject) switch
            {
                (ResourceTypes.Pod, not null) => PodReasons.Read(subject.View(KubernetesJson.Default.Pod), subject.Uid),
                (ResourceTypes.Device, not null) => DeviceReasons.Read(subject.View(KubernetesJson.Default.Device)),
                (ResourceTypes.Node, not null) => ReadNode(subject.View(KubernetesJson.Default.Node)),
                _ => Stored(key, facts, node),
            };
        }
        catch (KubeObjectException e)
        {
            return (new WhyStage { Stage = "applied" }, new WhyStage { Stage = "running" }, PodReasons.OneLine(e.Message));
        }
    }

    /// <summary>What is only stored is applied once it is; it runs in the pods (or devices) that use it.</summary>
    private (WhyStage, WhyStage, string?) Stored(ObjectKey key, ObjectFacts? facts, string node)
    {
        var applied = Acknowledged(facts) with { Stage = "applied" };
        var users = scope.KeysOf(node)
            .Where(k => k.Type is ResourceTypes.Pod or ResourceTypes.Device && scope.ContributionOf(k)?.Keys.Contains(key) == true)
            .Select(k => k.Type == ResourceTypes.Pod ? $"pod/{k.Name} ({PhaseOf(k)})" : $"device/{k.Name}")
            .Order(StringComparer.Ordinal)
            .ToList();
        return (applied, new WhyStage { Stage = "running", Detail = users.Count == 0 ? "used by nothing" : $"used by {string.Join(", ", users)}" }, null);
    }

    private static (WhyStage, WhyStage, string?) ReadNode(Node node)
    {
        var ready = node.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready");
        var running = new WhyStage { Stage = "running", Detail = ready is null ? "has told no status" : $"Ready is {ready.Status}" };
        if (KubeTime.TryParse(ready?.LastHeartbeatTime, out var at))
        {
            running.At = at;
        }

        return (new WhyStage { Stage = "applied", Detail = "as acknowledged" }, running,
            ready is null or { Status: "True" } ? null : PodReasons.OneLine($"not ready, {ready.Reason}: {ready.Message}"));
    }

    private Pod? ReadPod(ObjectKey key)
    {
        try
        {
            return caches.Pods.Get(new NamespacedName(key.Namespace, key.Name))?.View(KubernetesJson.Default.Pod);
        }
        catch (KubeObjectException)
        {
            return null;
        }
    }

    private string PhaseOf(ObjectKey pod) => ReadPod(pod)?.Status?.Phase ?? "no status";

    private bool RunsReady(ObjectKey pod) => ReadPod(pod)?.Status?.Conditions?.Any(c => c is { Type: "Ready", Status: "True" }) == true;

    private static DateTimeOffset? Created(KubeObject? wanted)
    {
        try
        {
            return wanted is not null && KubeTime.TryParse(wanted.View(KubernetesJson.Default.AnyObject).Metadata.CreationTimestamp, out var at) ? at : null;
        }
        catch (KubeObjectException)
        {
            return null;
        }
    }
}
