using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>What is asked.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Namespace">Empty for nodes.</param>
/// <param name="Name">The object's name.</param>
/// <param name="Node">Only this node; null for all that should hold the object.</param>
internal sealed record WhyQuestion(WhyKind Kind, string Namespace, string Name, string? Node);

/// <summary>
/// Answers where an object is on its way to the nodes: wanted and sent by the hub's state, acknowledged by the node's word, applied and
/// running by what the node reported to the API.
/// </summary>
internal sealed class WhyView(
    NodeScope scope, SessionRegistry sessions, NodeLedger ledger, HubInformers caches, NodesView nodes, KubeClient api, TimeProvider time)
{
    /// <summary>Nodes in one answer; a DaemonSet may be on thousands.</summary>
    private const int MostNodes = 1_000;

    private readonly WhyStages _stages = new(scope, caches);

    public async Task<WhyAnswer> AnswerAsync(WhyQuestion question, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var answer = new WhyAnswer
        {
            Now = now,
            Kind = question.Kind.Kind,
            Namespace = question.Kind.Namespaced ? question.Namespace : null,
            Name = question.Name,
        };
        if (question.Kind.Type is not { } type)
        {
            await AnswerDaemonSetAsync(answer, question, cancellationToken);
            return answer;
        }

        var key = new ObjectKey(question.Kind.Namespaced ? question.Namespace : "", type, question.Name);
        var subject = scope.Find(key);
        Identify(answer, subject);
        var on = NodesOf(key).Where(n => question.Node is null || n == question.Node).Order(StringComparer.Ordinal).ToList();
        answer.Nodes = [.. on.Take(MostNodes).Select(node => Explain(key, subject, node, now))];
        answer.Note = on.Count > MostNodes ? $"the first {MostNodes} of {on.Count} nodes are shown; --node shows one"
            : on.Count == 0 ? NobodyHolds(key, subject, question.Node)
            : subject is null && type != ResourceTypes.Node ? "the API has no such object"
            : null;
        return answer;
    }

    private async Task AnswerDaemonSetAsync(WhyAnswer answer, WhyQuestion question, CancellationToken cancellationToken)
    {
        var set = await api.GetAsync(ApiResources.DaemonSets, question.Namespace, question.Name, cancellationToken);
        Identify(answer, set);
        if (set is null)
        {
            answer.Note = "no such object";
            return;
        }

        var pods = caches.Pods.Snapshot()
            .Where(p => p.Namespace == question.Namespace && IsOwnedBy(p, set.Uid))
            .Select(p => (Key: p.Key(ResourceTypes.Pod), Pod: p, Node: scope.ContributionOf(p.Key(ResourceTypes.Pod))?.Node))
            .Where(p => question.Node is null || p.Node == question.Node)
            .OrderBy(p => p.Node, StringComparer.Ordinal).ThenBy(p => p.Pod.Name, StringComparer.Ordinal)
            .ToList();
        answer.Nodes =
        [
            .. pods.Where(p => p.Node is not null).Take(MostNodes)
                .Select(p => Explain(p.Key, p.Pod, p.Node!, answer.Now) with { Object = $"pod/{p.Pod.Name}" }),
        ];
        var unbound = pods.Count(p => p.Node is null);
        var offline = OfflineOf(set);
        // where nodes are offline, they are why it has no pods
        var notes = pods.Count == 0 && offline is not null ? [offline] : new[] { NoteOf(pods.Count, unbound), offline };
        answer.Note = string.Join("; ", notes.Where(note => note is not null)) is { Length: > 0 } note ? note : null;
    }

    // what our controller says of nodes that wait offline for the present template; another's says nothing
    private static string? OfflineOf(KubeObject set)
    {
        try
        {
            return set.View(KubernetesJson.Default.DaemonSet).Status?.Conditions?
                .FirstOrDefault(c => c is { Type: DaemonSetStatusWriter.OfflineCondition, Status: "False" })?.Message is { } message
                ? PodReasons.OneLine(message) : null;
        }
        catch (KubeObjectException)
        {
            return null;
        }
    }

    private static string? NoteOf(int pods, int unbound) =>
        pods == 0 ? "it has no pods: no node matches its selector and its tolerations, or its controller has not acted yet"
            : pods - unbound > MostNodes ? FormattableString.Invariant($"the first {MostNodes} of {pods} pods are shown; --node shows one")
            : unbound > 0 ? FormattableString.Invariant($"{unbound} of its pods are not bound to a node")
            : null;

    private WhyNode Explain(ObjectKey key, KubeObject? subject, string node, DateTimeOffset now)
    {
        var wanted = scope.Lookup(node, key);
        var session = sessions.Find(node);
        var facts = session?.Find(key) ?? FactsOfAway(node, key, wanted, session);
        var (stages, ownReason) = _stages.Of(key, subject, wanted, facts, node);
        var link = session is null
            ? LinkReasons.Away(nodes.Row(node), scope.KeysOf(node).Count + 1, now)
            : LinkReasons.Connected(facts, session.IsOpen, now);
        return new WhyNode { Node = node, Stages = stages, Reason = link ?? ownReason ?? _stages.MissingReferences(key, node) };
    }

    /// <summary>What was remembered of a node that is not connected; null where this hub never heard it.</summary>
    private ObjectFacts? FactsOfAway(string node, ObjectKey key, KubeObject? wanted, EdgeSession? session)
    {
        if (session is not null || ledger.Find(node)?.State is not { Away: { } away, LastHeard: { } heard })
        {
            return null;
        }

        var holds = wanted is not null && away.Holds(key, wanted);
        return new ObjectFacts
        {
            Key = key,
            WantedVersion = wanted?.ResourceVersion,
            IsPending = !holds,
            HeldUid = away.HeldUid(key),
            HeldVersion = holds ? wanted!.ResourceVersion : "",
            HeldAt = away.HeldUid(key) is null ? 0 : heard.ToUnixTimeMilliseconds(),
        };
    }

    /// <summary>Nodes that should hold the object, and those that hold one that they should not.</summary>
    private IEnumerable<string> NodesOf(ObjectKey key)
    {
        var holders = scope.HoldersOf(key);
        if (key.Type == ResourceTypes.Node)
        {
            return caches.Nodes.Get(new NamespacedName("", key.Name)) is null && ledger.Find(key.Name) is null ? [] : holders;
        }

        return holders
            .Union(sessions.Live.Where(s => s.Find(key) is not null).Select(s => s.Node))
            .Union(ledger.Records.Where(r => r.State.Away?.HeldUid(key) is not null).Select(r => r.Node));
    }

    private static string NobodyHolds(ObjectKey key, KubeObject? subject, string? node)
    {
        if (subject is null)
        {
            return "no such object";
        }

        var who = node is null ? "no node should hold it" : $"node {node} should not hold it";
        return key.Type switch
        {
            ResourceTypes.Pod => $"{who}: the pod is not bound to {(node is null ? "a node" : "it")}{Unscheduled(subject)}",
            ResourceTypes.ConfigMap or ResourceTypes.Secret => $"{who}: the {subject.Kind} is not named by any pod that is bound to {(node is null ? "a node" : "it")}",
            ResourceTypes.Device => $"{who}: the Device's spec.nodeName does not name {(node is null ? "a node" : "it")}",
            ResourceTypes.DeviceModel => $"{who}: no Device of {(node is null ? "a node" : "it")} is of this model",
            _ => who,
        };
    }

    private static string Unscheduled(KubeObject pod)
    {
        try
        {
            var condition = pod.View(KubernetesJson.Default.Pod).Status?.Conditions?.FirstOrDefault(c => c is { Type: "PodScheduled", Status: "False" });
            return condition?.Message is { Length: > 0 } message ? $" ({PodReasons.OneLine(message)})" : "";
        }
        catch (KubeObjectException)
        {
            return "";
        }
    }

    private static void Identify(WhyAnswer answer, KubeObject? subject)
    {
        answer.Found = subject is not null;
        answer.Uid = subject?.Uid;
        answer.Version = subject?.ResourceVersion;
    }

    private static bool IsOwnedBy(KubeObject pod, string uid)
    {
        try
        {
            return pod.View(KubernetesJson.Default.AnyObject).Metadata.OwnerReferences?.Any(o => o.Uid == uid) == true;
        }
        catch (KubeObjectException)
        {
            return false;
        }
    }
}
