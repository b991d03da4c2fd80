using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>
/// What a node may do (users <c>system:node:NAME</c> in <c>system:nodes</c>): read what the pods that are bound to it use, and
/// itself; write its own Node, lease and pods. The words and rules are those of Kubernetes' Node authorizer; what a node may
/// write into its objects is checked by <see cref="NodeRestriction"/>. Edge nodes go through the hub and never ask here; whoever
/// has got hold of a box's certificate does.
/// </summary>
internal sealed class NodeAuthorizer(ObjectStore store)
{
    private const string Pods = "pods";

    // as the pods' descriptor has it, so that the value is read once for each version of a pod
    private IReadOnlyList<string> _podFields = ["spec.nodeName"];

    private static readonly PolicyRule[] s_rules =
    [
        Rule("authentication.k8s.io", "create", "tokenreviews"),
        Rule("authorization.k8s.io", "create", "subjectaccessreviews localsubjectaccessreviews"),
        Rule("", "get list watch", "services"),
        Rule("", "create", "nodes pods pods/eviction"),
        Rule("", "update patch", "nodes nodes/status pods/status"),
        Rule("", "delete", "pods"),
        Rule("", "create update patch", "events"),
        Rule("events.k8s.io", "create update patch", "events"),
        Rule("certificates.k8s.io", "create get list watch", "certificatesigningrequests"),
        Rule("storage.k8s.io", "get list watch", "csidrivers"),
        Rule("node.k8s.io", "get list watch", "runtimeclasses"),
        Rule("discovery.k8s.io", "get list watch", "endpointslices"),
    ];

    /// <summary>The selectable fields of pods. Set while the server is composed.</summary>
    public void ReadPodsBy(IReadOnlyList<string> selectableFields) => _podFields = selectableFields;

    public AccessDecision Decide(string node, AccessAttributes asked)
    {
        switch (asked.Group, asked.Resource)
        {
            case ("", "secrets"):
                return ReadOne(node, asked, (pod, name) => pod.UsesSecret(name));
            case ("", "configmaps"):
                return ReadOne(node, asked, (pod, name) => pod.UsesConfigMap(name));
            case ("", "persistentvolumeclaims"):
                return asked.Subresource is "" or "status" && (asked.Subresource.Length == 0 || asked.Verb is "get" or "update" or "patch")
                    ? ReadOne(node, asked with { Verb = asked.Subresource == "status" ? "get" : asked.Verb, Subresource = "" }, (pod, name) => pod.UsesClaim(name))
                    : No(node);
            case ("", "persistentvolumes"):
                return asked.Verb == "get" && asked.Subresource.Length == 0 && UsesVolume(node, asked.Name) ? Yes : No(node);
            case ("", "serviceaccounts"):
                return Token(node, asked);
            case ("", "nodes"):
                return Nodes(node, asked);
            case ("", Pods):
                return OfPods(node, asked);
            case ("coordination.k8s.io", "leases"):
                return Lease(node, asked);
            case ("storage.k8s.io", "csinodes"):
                return asked.Subresource.Length == 0 && asked.Verb is "get" or "create" or "update" or "patch" or "delete"
                    && (asked.Name == node || (asked.Verb == "create" && asked.Name.Length == 0))
                    ? Yes
                    : new AccessDecision(false, "can only access CSINode with the same name as the requesting node");
            case ("storage.k8s.io", "volumeattachments"):
                return asked.Verb == "get" && asked.Subresource.Length == 0 && AttachesTo(node, asked.Name) ? Yes : No(node);
            default:
                return s_rules.Any(rule => rule.Allows(asked)) ? Yes : new AccessDecision(false, "");
        }
    }

    private static AccessDecision Yes => new(true, "");

    private static AccessDecision No(string node) => new(false, $"no relationship found between node '{node}' and this object");

    /// <summary>An object that pods name: one at a time, and only where a pod of the node names it.</summary>
    private AccessDecision ReadOne(string node, AccessAttributes asked, Func<PodReferences, string, bool> uses)
    {
        if (asked.Verb is not ("get" or "list" or "watch") || asked.Subresource.Length > 0)
        {
            return new AccessDecision(false, "can only read resources of this type");
        }

        if (asked.Name.Length == 0)
        {
            return new AccessDecision(false, "No Object name found");
        }

        if (asked.Namespace.Length == 0)
        {
            return new AccessDecision(false, "can only read namespaced object of this type");
        }

        return PodsOf(node).Any(pod => pod.Key.Namespace == asked.Namespace && uses(PodReferences.Of(pod), asked.Name)) ? Yes : No(node);
    }

    private AccessDecision Token(string node, AccessAttributes asked)
    {
        if (asked.Verb == "get" && asked.Subresource.Length == 0)
        {
            return ReadOne(node, asked, (pod, name) => pod.ServiceAccount == name);
        }

        if (asked.Verb != "create" || asked.Subresource != "token")
        {
            return new AccessDecision(false, "can only create tokens for individual service accounts");
        }

        return PodsOf(node).Any(pod => pod.Key.Namespace == asked.Namespace && PodReferences.Of(pod).ServiceAccount == asked.Name) ? Yes : No(node);
    }

    private static AccessDecision Nodes(string node, AccessAttributes asked) => asked.Verb switch
    {
        "create" when asked.Subresource.Length == 0 => Yes, // which one is checked when it is written
        "get" or "list" or "watch" when asked.Subresource.Length == 0 => asked.Name == node
            ? Yes
            : new AccessDecision(false, $"node '{node}' cannot read '{asked.Name}', only its own Node object"),
        "update" or "patch" when asked.Subresource is "" or "status" => asked.Name == node
            ? Yes
            : new AccessDecision(false, $"node '{node}' cannot write '{asked.Name}', only its own Node object"),
        _ => No(node),
    };

    private AccessDecision OfPods(string node, AccessAttributes asked)
    {
        switch (asked.Verb, asked.Subresource)
        {
            case ("get", ""):
                return asked.Namespace.Length > 0 && IsBound(node, asked) ? Yes : No(node);
            case ("list" or "watch", ""):
                return asked.SelectedNode == node || (asked.Name.Length > 0 && asked.Namespace.Length > 0 && IsBound(node, asked))
                    ? Yes
                    : new AccessDecision(false, "can only list/watch pods with spec.nodeName field selector");
            default:
                return s_rules.Any(rule => rule.Allows(asked)) ? Yes : No(node);
        }
    }

    private static AccessDecision Lease(string node, AccessAttributes asked)
    {
        if (asked.Verb is not ("get" or "create" or "update" or "patch" or "delete"))
        {
            return new AccessDecision(false, "can only get, create, update, patch, or delete a node lease");
        }

        if (asked.Namespace != "kube-node-lease")
        {
            return new AccessDecision(false, "can only access leases in the \"kube-node-lease\" system namespace");
        }

        return asked.Name == node || (asked.Verb == "create" && asked.Name.Length == 0)
            ? Yes
            : new AccessDecision(false, "can only access node lease with the same name as the requesting node");
    }

    private bool IsBound(string node, AccessAttributes asked) =>
        store.State.Get(Pods, new NamespacedName(asked.Namespace, asked.Name)) is { } pod && PodReferences.Of(pod).NodeName == node;

    private bool UsesVolume(string node, string name)
    {
        if (store.State.Get("persistentvolumes", new NamespacedName("", name))?.Parse().Object("spec")?.Object("claimRef") is not { } claim)
        {
            return false;
        }

        return PodsOf(node).Any(pod => pod.Key.Namespace == claim.Text("namespace") && PodReferences.Of(pod).UsesClaim(claim.Text("name") ?? ""));
    }

    private bool AttachesTo(string node, string name) =>
        store.State.Get("volumeattachments.storage.k8s.io", new NamespacedName("", name))?.Parse().Object("spec")?.Text("nodeName") == node;

    /// <summary>A scan of all pods, which costs tens of nanoseconds for each; nodes ask here rarely.</summary>
    private IEnumerable<StoredObject> PodsOf(string node)
    {
        var at = 0;
        while (_podFields[at] != "spec.nodeName")
        {
            at++;
        }

        return store.State.Of(Pods).Values.Where(pod => pod.Fields(_podFields)[at] == node);
    }

    private static PolicyRule Rule(string group, string verbs, string resources) =>
        new() { Groups = [group], Verbs = verbs.Split(' '), Resources = resources.Split(' ') };
}
