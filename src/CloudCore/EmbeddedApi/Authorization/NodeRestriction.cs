using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>
/// What a node may write into the objects that it may write: its own Node without taints and without the labels that others
/// decide by, the status of its own pods, its own lease. Kubernetes' admission of the same name.
/// </summary>
internal sealed class NodeRestriction(ObjectStore store)
{
    private static readonly string[] s_openLabels =
    [
        "kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "beta.kubernetes.io/arch", "beta.kubernetes.io/os",
        "beta.kubernetes.io/instance-type", "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.kubernetes.io/region", "failure-domain.kubernetes.io/zone",
    ];

    public static void Check(AdmissionRequest request)
    {
        if (request.User.NodeName is not { } node)
        {
            return;
        }

        switch (request.Resource.Group, request.Resource.Plural)
        {
            case ("", "nodes"):
                CheckNode(node, request);
                break;
            case ("", "pods"):
                CheckPod(node, request);
                break;
            case ("coordination.k8s.io", "leases"):
                CheckLease(node, request);
                break;
            case ("certificates.k8s.io", "certificatesigningrequests") when request.Operation == AdmissionOperation.Create:
                CheckSigningRequest(node, request);
                break;
            case ("storage.k8s.io", "csinodes") when request.Key.Name != node:
                throw ApiException.Forbidden(request.Resource, request.Key.Name, $"can only access CSINode with the same name as the requesting node");
        }
    }

    /// <summary>A token for a node: of a pod that is bound to it, by the pod's uid, and of no other.</summary>
    /// <exception cref="ApiException">403.</exception>
    public void CheckToken(AdmissionRequest request, JsonObject? bound)
    {
        if (request.User.NodeName is not { } node)
        {
            return;
        }

        if (bound is null || bound.Text("kind") != "Pod")
        {
            throw Refuse(request, "node requested token not bound to a pod");
        }

        if (bound.Text("uid") is not { Length: > 0 } uid)
        {
            throw Refuse(request, "node requested token with a pod binding without a uid");
        }

        var name = bound.Text("name") ?? "";
        if (store.State.Get("pods", new NamespacedName(request.Key.Namespace, name)) is not { } pod)
        {
            throw Refuse(request, $"pod {name} is not found");
        }

        if (pod.Uid != uid)
        {
            throw Refuse(request, $"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated");
        }

        if (PodReferences.Of(pod).NodeName != node)
        {
            throw Refuse(request, "node requested token bound to a pod scheduled on a different node");
        }
    }

    private static void CheckNode(string node, AdmissionRequest request)
    {
        var metadata = request.Object.Object("metadata") ?? [];
        var name = metadata.Text("name") ?? "";
        if (request.Operation == AdmissionOperation.Delete)
        {
            throw Refuse(request, $"node \"{node}\" is not allowed to delete nodes");
        }

        if (name != node)
        {
            throw Refuse(request, request.Operation == AdmissionOperation.Create
                ? $"node \"{node}\" is not allowed to create Node object \"{name}\""
                : $"node \"{node}\" is not allowed to modify node \"{name}\"");
        }

        var old = request.Old?.Object("metadata")?.Object("labels") ?? [];
        var labels = metadata.Object("labels") ?? [];
        var changed = old.Select(l => l.Key).Union(labels.Select(l => l.Key))
            .Where(key => (old[key].AsText() ?? "") != (labels[key].AsText() ?? "") || old.ContainsKey(key) != labels.ContainsKey(key));
        var refused = changed.Where(IsRestricted).Order(StringComparer.Ordinal).ToList();
        if (refused.Count > 0)
        {
            throw Refuse(request, request.Operation == AdmissionOperation.Create
                ? $"node \"{node}\" is not allowed to set the following labels: {string.Join(", ", refused)}"
                : $"is not allowed to modify labels: {string.Join(", ", refused)}");
        }

        if (request.Old is null ? metadata["ownerReferences"] is not null
            : !JsonNode.DeepEquals(request.Old.Object("metadata")?["ownerReferences"], metadata["ownerReferences"]))
        {
            throw Refuse(request, $"node \"{node}\" is not allowed to modify ownerReferences");
        }

        if (request.Subresource.Length > 0)
        {
            return;
        }

        if (request.Old is { } present && !JsonNode.DeepEquals(present.Object("spec")?["taints"], request.Object.Object("spec")?["taints"]))
        {
            throw Refuse(request, $"node \"{node}\" is not allowed to modify taints");
        }

        if (request.Object.Object("spec")?["configSource"] is not null)
        {
            throw Refuse(request, $"node \"{node}\" is not allowed to {(request.Old is null ? "create pods with" : "update")} a non-nil configSource");
        }
    }

    /// <summary>Labels of Kubernetes' own that schedulers and policies rely on; a node says of them only the few that describe it.</summary>
    public static bool IsRestricted(string label)
    {
        var slash = label.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return false;
        }

        var domain = label[..slash];
        if (Is("node-restriction.kubernetes.io"))
        {
            return true;
        }

        return (Is("kubernetes.io") || Is("k8s.io")) && !Is("kubelet.kubernetes.io") && !Is("node.kubernetes.io") && !s_openLabels.Contains(label);

        bool Is(string wanted) => domain == wanted || domain.EndsWith("." + wanted, StringComparison.Ordinal);
    }

    private static void CheckPod(string node, AdmissionRequest request)
    {
        var pod = PodReferences.Of(request.Object);
        switch (request.Operation)
        {
            case AdmissionOperation.Create:
                CheckMirror(node, request, pod);
                break;
            case AdmissionOperation.Update when request.Subresource == "status":
                if (PodReferences.Of(request.Old!).NodeName != node)
                {
                    throw Refuse(request, $"node \"{node}\" can only update pod status for pods with spec.nodeName set to itself");
                }

                if (!JsonNode.DeepEquals(request.Old!.Object("metadata")?["labels"], request.Object.Object("metadata")?["labels"]))
                {
                    throw Refuse(request, $"node \"{node}\" cannot update labels through pod status");
                }

                break;
            case AdmissionOperation.Delete:
                if (pod.NodeName != node)
                {
                    throw Refuse(request, $"node \"{node}\" can only delete pods with spec.nodeName set to itself");
                }

                break;
            default:
                throw Refuse(request, $"unexpected operation for node \"{node}\"");
        }
    }

    private static void CheckMirror(string node, AdmissionRequest request, PodReferences pod)
    {
        if (!pod.IsMirror)
        {
            throw Refuse(request, $"pod does not have \"kubernetes.io/config.mirror\" annotation, node \"{node}\" can only create mirror pods");
        }

        if (pod.NodeName != node)
        {
            throw Refuse(request, $"node \"{node}\" can only create pods with spec.nodeName set to itself");
        }

        var owners = request.Object.Object("metadata")?.Objects("ownerReferences").ToList() ?? [];
        if (owners.Count != 1 || owners[0].Text("kind") != "Node" || owners[0].Text("name") != node)
        {
            throw Refuse(request, $"node \"{node}\" can only create pods with a single owner reference to itself");
        }

        var spec = request.Object.Object("spec") ?? [];
        if (spec.Text("serviceAccountName") is { Length: > 0 } || pod.UsesAnything)
        {
            throw Refuse(request, $"node \"{node}\" can not create pods that reference a service account, secrets, configmaps or persistentvolumeclaims");
        }
    }

    private static void CheckLease(string node, AdmissionRequest request)
    {
        var name = request.Object.Object("metadata")?.Text("name") ?? request.Key.Name;
        if (request.Key.Namespace != "kube-node-lease")
        {
            throw Refuse(request, "can only access leases in the \"kube-node-lease\" system namespace");
        }

        if (name != node)
        {
            throw Refuse(request, "can only access node lease with the same name as the requesting node");
        }
    }

    /// <summary>A kubelet's certificates name that kubelet, whoever approves them.</summary>
    private static void CheckSigningRequest(string node, AdmissionRequest request)
    {
        var spec = request.Object.Object("spec") ?? [];
        if (spec.Text("signerName") is not ("kubernetes.io/kubelet-serving" or "kubernetes.io/kube-apiserver-client-kubelet"))
        {
            return;
        }

        var subject = Authentication.SigningRequest.Read(spec.Text("request") ?? "", out _)?.CommonName;
        if (subject != $"system:node:{node}")
        {
            throw Refuse(request, $"can only create a node CSR with CN=system:node:{node}");
        }
    }

    private static ApiException Refuse(AdmissionRequest request, string why) => ApiException.Forbidden(request.Resource, request.Key.Name, why);
}
