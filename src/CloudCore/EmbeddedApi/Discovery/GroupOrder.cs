using EdgeSync.CloudCore.EmbeddedApi.CustomResources;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// In which order groups, versions and resources are listed. Clients take the first that fits: the kind of a short name, the version
/// that nobody named. Kubernetes gives its own groups fixed places; those of definitions come after them by the alphabet.
/// </summary>
internal static class GroupOrder
{
    private const int OfDefinitions = 1000;

    private static readonly Dictionary<string, int> s_priorities = new(StringComparer.Ordinal)
    {
        [""] = 18000,
        ["apps"] = 17800,
        ["events.k8s.io"] = 17750,
        ["authentication.k8s.io"] = 17700,
        ["authorization.k8s.io"] = 17600,
        ["autoscaling"] = 17500,
        ["batch"] = 17400,
        ["certificates.k8s.io"] = 17300,
        ["networking.k8s.io"] = 17200,
        ["policy"] = 17100,
        ["rbac.authorization.k8s.io"] = 17000,
        ["storage.k8s.io"] = 16800,
        ["apiextensions.k8s.io"] = 16700,
        ["admissionregistration.k8s.io"] = 16700,
        ["scheduling.k8s.io"] = 16600,
        ["coordination.k8s.io"] = 16500,
        ["node.k8s.io"] = 16300,
        ["discovery.k8s.io"] = 16200,
        ["metrics.k8s.io"] = 100,
    };

    /// <summary>The groups with their versions, best first, and the versions' resources by name. The core group comes first.</summary>
    public static IReadOnlyList<ApiGroup> Of(ResourceTable resources) =>
    [
        .. resources.All.GroupBy(r => r.Group)
            .OrderByDescending(g => s_priorities.GetValueOrDefault(g.Key, OfDefinitions)).ThenBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new ApiGroup(g.Key, [.. g.GroupBy(r => r.Version).OrderBy(v => v.Key, KubeVersionOrder.BestFirst).Select(Version)])),
    ];

    private static ApiVersion Version(IGrouping<string, ResourceDescriptor> version) =>
        new(version.Key, [.. version.OrderBy(r => r.Plural, StringComparer.Ordinal)]);
}

/// <summary>A group as discovery lists it.</summary>
internal sealed record ApiGroup(string Name, IReadOnlyList<ApiVersion> Versions);

/// <summary>A version of a group as discovery lists it.</summary>
internal sealed record ApiVersion(string Name, IReadOnlyList<ResourceDescriptor> Resources);
