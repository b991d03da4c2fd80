using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// Writes the pod of a DaemonSet for a node: the template's own JSON, so that fields that EdgeSync does not know
/// survive, with the owner, the revision's labels, the tolerations, and the node.
/// </summary>
internal sealed class DaemonPodWriter(KubeObject daemonSet, DaemonSet view, string hash)
{
    public const string HashLabel = "controller-revision-hash";
    public const string GenerationLabel = "pod-template-generation";

    private const string GenerationAnnotation = "deprecated.daemonset.template.generation";

    // Kubernetes cuts the base so that five random letters fit into a label value of 63
    private const int MaxBase = 58;
    private const int SuffixLength = 5;

    // parsed once, copied for each pod
    private readonly JsonObject _template = JsonNode.Parse(daemonSet.Json.Span)!["spec"]!["template"]!.AsObject();

    private SchedulingPod? _asks;

    private string GenerateName => $"{daemonSet.Name}-";

    /// <summary>
    /// The pod's name, which looks like Kubernetes' random ones but follows from what it stands for: this DaemonSet,
    /// this node, and the pod that it takes over from. So making the same pod a second time, whether by a stale cache,
    /// a lost answer or a template that changed meanwhile, is refused by the API as AlreadyExists: two pods for one
    /// place cannot come about. (Kubernetes' controller relies on its in-memory expectations and deletes the surplus
    /// after the fact; at the edge the surplus pod may have been started by then.)
    /// </summary>
    /// <param name="nodeName">The node.</param>
    /// <param name="predecessor">
    /// The UID of the pod that it takes over from: the last one that went, or with surge the one that it comes up
    /// beside; empty for none. It gives a successor another name, as in Kubernetes. It is known since this process's
    /// start only, which is enough: the first list after a start shows all pods that were made before.
    /// </param>
    /// <param name="attempt">
    /// Goes up where another node's pod has the name: 14 million suffixes are few enough for that on large fleets.
    /// </param>
    public string Name(string nodeName, string predecessor, int attempt)
    {
        var stem = GenerateName.Length > MaxBase ? GenerateName[..MaxBase] : GenerateName;
        return stem + SafeNames.Suffix($"{daemonSet.Uid}/{nodeName}/{predecessor}/{attempt}", SuffixLength);
    }

    /// <summary>Whether the template names the node itself, so that no scheduler is asked.</summary>
    public bool IsBoundByTemplate => !string.IsNullOrEmpty(view.Spec.Template.Spec.NodeName);

    /// <summary>What each of the pods asks of its node.</summary>
    public SchedulingPod Asks => _asks ??= SchedulingPod.Read(KubeObject.Parse(Write("node", "asks", isBound: false)));

    /// <param name="nodeName">The node that it is for.</param>
    /// <param name="name">The pod's name.</param>
    /// <param name="isBound">Whether it comes with its node; else the scheduler gives it that one when there is room.</param>
    public byte[] Write(string nodeName, string name, bool isBound = true)
    {
        var metadata = new JsonObject
        {
            ["name"] = name,
            ["generateName"] = GenerateName,
            ["namespace"] = daemonSet.Namespace,
            ["labels"] = Labels(),
            ["ownerReferences"] = new JsonArray(Owner()),
        };
        CopyFromTemplate(metadata, "annotations");
        CopyFromTemplate(metadata, "finalizers");
        var pod = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = metadata,
            ["spec"] = Spec(nodeName, isBound),
        };
        return Encoding.UTF8.GetBytes(pod.ToJsonString());
    }

    private void CopyFromTemplate(JsonObject metadata, string member)
    {
        if (_template["metadata"]?[member] is { } value)
        {
            metadata[member] = value.DeepClone();
        }
    }

    private JsonObject Labels()
    {
        var labels = _template["metadata"]?["labels"]?.DeepClone().AsObject() ?? [];
        labels[HashLabel] = hash;
        if (view.Metadata.Annotations?.GetValueOrDefault(GenerationAnnotation) is { } generation)
        {
            labels[GenerationLabel] = generation;
        }

        return labels;
    }

    private JsonObject Owner() => new()
    {
        ["apiVersion"] = "apps/v1",
        ["kind"] = "DaemonSet",
        ["name"] = daemonSet.Name,
        ["uid"] = daemonSet.Uid,
        ["controller"] = true,
        ["blockOwnerDeletion"] = true,
    };

    private JsonObject Spec(string nodeName, bool isBound)
    {
        var spec = _template["spec"]!.DeepClone().AsObject();
        // one write less than with a scheduler in between …
        if (isBound)
        {
            spec["nodeName"] = nodeName;
        }

        // … and the affinity too, by which Kubernetes' tools know a daemon pod's node, and the scheduler where it goes
        PinToNode(spec, nodeName);
        AddTolerations(spec);
        return spec;
    }

    private static void PinToNode(JsonObject spec, string nodeName)
    {
        var affinity = GetOrAdd(spec, "affinity");
        var nodeAffinity = GetOrAdd(affinity, "nodeAffinity");
        // replaces the template's own terms: they have been checked, and terms are alternatives, not conditions
        nodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"] = new JsonObject
        {
            ["nodeSelectorTerms"] = new JsonArray(new JsonObject
            {
                ["matchFields"] = new JsonArray(new JsonObject
                {
                    ["key"] = "metadata.name",
                    ["operator"] = "In",
                    ["values"] = new JsonArray(JsonValue.Create(nodeName)),
                }),
            }),
        };
    }

    private void AddTolerations(JsonObject spec)
    {
        if (spec["tolerations"] is not JsonArray tolerations)
        {
            spec["tolerations"] = tolerations = [];
        }

        foreach (var added in DaemonPlacement.AddedTolerations(view.Spec.Template.Spec))
        {
            var present = view.Spec.Template.Spec.Tolerations.Any(
                own => own.Key == added.Key && own.Effect == added.Effect && own.Operator == added.Operator);
            if (!present)
            {
                tolerations.Add((JsonNode)new JsonObject
                {
                    ["key"] = added.Key,
                    ["operator"] = added.Operator,
                    ["effect"] = added.Effect,
                });
            }
        }
    }

    private static JsonObject GetOrAdd(JsonObject parent, string member)
    {
        if (parent[member] is not JsonObject child)
        {
            parent[member] = child = [];
        }

        return child;
    }
}
