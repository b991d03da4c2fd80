using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of the other built-in kinds, and of devices.</summary>
internal static class BuiltInColumns
{
    public static readonly IReadOnlyList<TableColumn> Nodes =
    [
        CommonColumns.Name,
        new("Status", "string", row => NodeStatus(row.Root)),
        new("Roles", "string", row => NodeRoles(row.Root)),
        CommonColumns.Age,
        new("Version", "string", row => row.Root.At("status", "nodeInfo", "kubeletVersion").Text()),
        new("Internal-IP", "string", row => NodeAddress(row.Root, "InternalIP"), Wide: true),
        new("External-IP", "string", row => NodeAddress(row.Root, "ExternalIP"), Wide: true),
        new("OS-Image", "string", row => NodeInfo(row.Root, "osImage"), Wide: true),
        new("Kernel-Version", "string", row => NodeInfo(row.Root, "kernelVersion"), Wide: true),
        new("Container-Runtime", "string", row => NodeInfo(row.Root, "containerRuntimeVersion"), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> Namespaces =
        [CommonColumns.Name, new("Status", "string", row => row.Root.At("status", "phase").Text()), CommonColumns.Age];

    public static readonly IReadOnlyList<TableColumn> ConfigMaps =
    [
        CommonColumns.Name,
        new("Data", "string", row => Count(row.Root.At("data")) + Count(row.Root.At("binaryData"))),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> Secrets =
    [
        CommonColumns.Name,
        new("Type", "string", row => row.Root.At("type").Text()),
        new("Data", "string", row => Count(row.Root.At("data"))),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> ServiceAccounts =
        [CommonColumns.Name, new("Secrets", "string", row => (long)row.Root.At("secrets").Items().Count()), CommonColumns.Age];

    public static readonly IReadOnlyList<TableColumn> DaemonSets =
    [
        CommonColumns.Name,
        new("Desired", "integer", row => row.Root.At("status", "desiredNumberScheduled").Number()),
        new("Current", "integer", row => row.Root.At("status", "currentNumberScheduled").Number()),
        new("Ready", "integer", row => row.Root.At("status", "numberReady").Number()),
        new("Up-to-date", "integer", row => row.Root.At("status", "updatedNumberScheduled").Number()),
        new("Available", "integer", row => row.Root.At("status", "numberAvailable").Number()),
        new("Node Selector", "string", row => CommonColumns.Labels(row.Root.At("spec", "template", "spec", "nodeSelector"))),
        CommonColumns.Age,
        new("Containers", "string", row => CommonColumns.Containers(row.Root.At("spec", "template", "spec"), "name"), Wide: true),
        new("Images", "string", row => CommonColumns.Containers(row.Root.At("spec", "template", "spec"), "image"), Wide: true),
        new("Selector", "string", row => CommonColumns.Selector(row.Root.At("spec", "selector")), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> ControllerRevisions =
    [
        CommonColumns.Name,
        new("Controller", "string", row => Controller(row.Root)),
        new("Revision", "string", row => row.Root.At("revision").Number()),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> Leases =
        [CommonColumns.Name, new("Holder", "string", row => row.Root.At("spec", "holderIdentity").Text()), CommonColumns.Age];

    private static long Count(JsonElement map) => map.Members().Count();

    private static string NodeStatus(JsonElement node)
    {
        var ready = node.At("status", "conditions").Items().FirstOrDefault(c => c.At("type").Text() == "Ready").At("status").Text();
        var word = ready switch
        {
            "True" => "Ready",
            "" => "Unknown",
            _ => "NotReady",
        };
        return node.At("spec", "unschedulable").ValueKind == JsonValueKind.True ? word + ",SchedulingDisabled" : word;
    }

    private static string NodeRoles(JsonElement node)
    {
        const string prefix = "node-role.kubernetes.io/";
        var roles = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var label in node.At("metadata", "labels").Members())
        {
            if (label.Name.StartsWith(prefix, StringComparison.Ordinal) && label.Name.Length > prefix.Length)
            {
                roles.Add(label.Name[prefix.Length..]);
            }
            else if (label.Name == "kubernetes.io/role" && label.Value.Text().Length > 0)
            {
                roles.Add(label.Value.Text());
            }
        }

        return roles.Count == 0 ? "<none>" : string.Join(',', roles);
    }

    private static string NodeAddress(JsonElement node, string type) =>
        node.At("status", "addresses").Items().FirstOrDefault(a => a.At("type").Text() == type).At("address").Text() is { Length: > 0 } address
            ? address
            : "<none>";

    private static string NodeInfo(JsonElement node, string member) =>
        node.At("status", "nodeInfo", member).Text() is { Length: > 0 } text ? text : "<unknown>";

    private static string Controller(JsonElement revision)
    {
        var owner = revision.At("metadata", "ownerReferences").Items().FirstOrDefault(o => o.At("controller").ValueKind == JsonValueKind.True);
        if (owner.ValueKind != JsonValueKind.Object)
        {
            return "<none>";
        }

        var version = owner.At("apiVersion").Text();
        var slash = version.IndexOf('/', StringComparison.Ordinal);
        var group = slash < 0 ? "" : "." + version[..slash];
        return $"{owner.At("kind").Text().ToLowerInvariant()}{group}/{owner.At("name").Text()}";
    }
}
