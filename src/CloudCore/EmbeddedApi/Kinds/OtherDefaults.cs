using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults of the smaller kinds.</summary>
internal static class OtherDefaults
{
    /// <summary>Who reported it has a place of its own, also where nobody is named.</summary>
    public static void Event(JsonObject happened)
    {
        happened.SetDefault("reportingComponent", "");
        happened.SetDefault("reportingInstance", "");
    }

    /// <summary>Type Opaque; stringData is written into data and not kept.</summary>
    public static void Secret(JsonObject secret)
    {
        secret.SetDefault("type", "Opaque");
        if (secret.Object("stringData") is { } texts)
        {
            var data = secret.ObjectOrNew("data");
            foreach (var (name, value) in texts)
            {
                data[name] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value.AsText() ?? ""));
            }

            secret.Remove("stringData");
        }
    }

    /// <summary>The name as a label, so that selectors can name a namespace, and the finalizer that holds it until it is empty.</summary>
    public static void Namespace(JsonObject ns)
    {
        var metadata = ns.ObjectOrNew("metadata");
        if (metadata.Text("name") is { Length: > 0 } name)
        {
            metadata.ObjectOrNew("labels")["kubernetes.io/metadata.name"] = name;
        }
    }

    /// <summary>What a node has it can give, until it says otherwise.</summary>
    public static void Node(JsonObject node)
    {
        if (node.Object("status") is { } status && status["capacity"] is { } capacity && status["allocatable"] is null)
        {
            status["allocatable"] = capacity.DeepClone();
        }

        // old clients know one address range of a node, new ones several: each is told what the other wrote
        if (node.Object("spec") is { } spec)
        {
            if (spec.Text("podCIDR") is { Length: > 0 } range && spec.List("podCIDRs")?.FirstOrDefault().AsText() != range)
            {
                spec["podCIDRs"] = new JsonArray(range);
            }
            else if (spec["podCIDR"] is null && spec.List("podCIDRs") is [{ } first, ..])
            {
                spec["podCIDR"] = first.DeepClone();
            }
        }
    }

    public static void NewNamespace(JsonObject ns)
    {
        // whoever makes it may hold it too
        var finalizers = ns.Object("spec")?.List("finalizers")?.DeepClone().AsArray() ?? [];
        if (!finalizers.Any(f => f.AsText() == "kubernetes"))
        {
            finalizers.Add((JsonNode)"kubernetes");
        }

        ns["spec"] = new JsonObject { ["finalizers"] = finalizers };
        ns["status"] = new JsonObject { ["phase"] = "Active" };
    }

    /// <summary>They change through the subresource <c>finalize</c> only.</summary>
    public static void KeepNamespaceFinalizers(JsonObject ns, JsonObject old) =>
        ns.ObjectOrNew("spec").SetOrRemove("finalizers", old.Object("spec")?["finalizers"]?.DeepClone());

    public static bool NamespaceIsHeld(JsonObject ns) => ns.Object("spec")?.List("finalizers") is { Count: > 0 };

    public static void NamespaceDeletionBegins(JsonObject ns, string now)
    {
        ns.ObjectOrNew("status")["phase"] = "Terminating";

        // a namespace has no grace: it goes with the last of its content
        ns.ObjectOrNew("metadata").Remove("deletionGracePeriodSeconds");
    }

    /// <summary>Whoever has emptied a namespace takes its finalizer off through the subresource, as the namespace controller does.</summary>
    public static readonly IReadOnlyDictionary<string, SubresourceWrite> NamespaceFinalize = new Dictionary<string, SubresourceWrite>
    {
        ["finalize"] = new((ns, wanted) =>
        {
            if (wanted.Object("spec")?.List("finalizers") is { Count: > 0 } finalizers)
            {
                ns.ObjectOrNew("spec")["finalizers"] = finalizers.DeepClone();
            }
            else
            {
                ns.ObjectOrNew("spec").Remove("finalizers");
            }
        }, null, ["update"]),
    };

    /// <summary>What a container gets that says nothing, as far as the range's own bounds say it.</summary>
    public static void LimitRange(JsonObject range)
    {
        foreach (var limit in range.ObjectOrNew("spec").Objects("limits").Where(l => l.Text("type") == "Container"))
        {
            FillIn(limit, "default", "max");
            FillIn(limit, "defaultRequest", "default");
            FillIn(limit, "defaultRequest", "min");
        }
    }

    private static void FillIn(JsonObject limit, string member, string from)
    {
        foreach (var (name, value) in limit.Object(from) ?? [])
        {
            var amounts = limit.ObjectOrNew(member);
            if (amounts[name] is null)
            {
                amounts[name] = value?.DeepClone();
            }
        }
    }

    public static void PriorityClass(JsonObject priority) => priority.SetDefault("preemptionPolicy", "PreemptLowerPriority");

    /// <summary>Nothing is allowed until somebody has counted the pods.</summary>
    public static void NewDisruptionBudget(JsonObject budget) => budget["status"] = new JsonObject
    {
        ["disruptionsAllowed"] = 0,
        ["currentHealthy"] = 0,
        ["desiredHealthy"] = 0,
        ["expectedPods"] = 0,
    };

    /// <summary>The priority classes that are there from the start.</summary>
    public static IEnumerable<JsonObject> SystemPriorities()
    {
        foreach (var (name, what) in ((string, string)[])
        [
            ("system-node-critical", "Used for system critical pods that must not be moved from their current node."),
            ("system-cluster-critical", "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."),
        ])
        {
            yield return new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name },
                ["value"] = Validation.PolicyRules.SystemPriorities[name],
                ["description"] = what,
            };
        }
    }
}
