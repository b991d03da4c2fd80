using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>Sets of verbs that are fewer than all, in discovery's order.</summary>
internal static class ResourceVerbNames
{
    /// <summary>Objects that are not deleted by the collection: a slip would empty the cluster.</summary>
    public static readonly IReadOnlyList<string> NoDeleteCollection = ["create", "delete", "get", "list", "patch", "update", "watch"];

    public static readonly IReadOnlyList<string> CreateOnly = ["create"];

    public static readonly IReadOnlyList<string> Write = ["get", "patch", "update"];
}

/// <summary>Where an object keeps what its <c>scale</c> subresource shows; paths are dotted.</summary>
/// <param name="SpecReplicas">The number that is wanted.</param>
/// <param name="StatusReplicas">The number that is there.</param>
/// <param name="Selector">A label selector: an object, a map of labels, or a text; null where there is none.</param>
internal sealed record ScalePaths(string SpecReplicas, string StatusReplicas, string? Selector)
{
    public static readonly ScalePaths Workload = new("spec.replicas", "status.replicas", "spec.selector");
}

/// <summary>A subresource through which only a part of an object is written.</summary>
/// <param name="Take">Copies that part from the wanted object (second) into the present one (first).</param>
/// <param name="Validate">Checks the outcome in the place of the resource's own rules; null checks nothing.</param>
/// <param name="Verbs">What it offers.</param>
internal sealed record SubresourceWrite(Action<JsonObject, JsonObject> Take, ObjectValidator? Validate, IReadOnlyList<string> Verbs);

/// <summary>What discovery says of a subresource.</summary>
/// <param name="Kind">The kind of its bodies.</param>
/// <param name="Group">Their group, where it is another than the resource's; else null.</param>
/// <param name="Version">Their version, with <paramref name="Group"/>.</param>
/// <param name="Verbs">What it offers.</param>
internal sealed record SubresourceForm(string Kind, string? Group, string? Version, IReadOnlyList<string> Verbs)
{
    private static readonly IReadOnlyList<string> s_connect = ["create", "get"];

    public static SubresourceForm Of(ResourceDescriptor resource, string subresource) => subresource switch
    {
        "scale" => new("Scale", "autoscaling", "v1", ResourceVerbNames.Write),
        "binding" => new("Binding", null, null, ResourceVerbNames.CreateOnly),
        "eviction" => new("Eviction", "policy", "v1", ResourceVerbNames.CreateOnly),
        "token" => new("TokenRequest", "authentication.k8s.io", "v1", ResourceVerbNames.CreateOnly),
        "log" => new("Pod", null, null, ["get"]),
        "exec" => new("PodExecOptions", null, null, s_connect),
        "attach" => new("PodAttachOptions", null, null, s_connect),
        "portforward" => new("PodPortForwardOptions", null, null, s_connect),
        _ => new(resource.Kind, null, null, resource.PartialWrites.GetValueOrDefault(subresource)?.Verbs ?? ResourceVerbNames.Write),
    };
}
