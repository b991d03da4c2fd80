using System.Collections.Frozen;

namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>
/// The resources that are served, at one time. Immutable: custom resource definitions swap the whole table.
/// </summary>
internal sealed class ResourceTable
{
    private readonly FrozenDictionary<(string Group, string Version, string Plural), ResourceDescriptor> _byPath;
    private readonly FrozenSet<string> _groupVersions;

    public ResourceTable(IReadOnlyList<ResourceDescriptor> resources)
    {
        All = resources;
        _byPath = resources.ToFrozenDictionary(r => (r.Group, r.Version, r.Plural));
        _groupVersions = resources.Select(r => r.GroupVersion).ToFrozenSet();
    }

    /// <summary>In the order in which discovery lists them.</summary>
    public IReadOnlyList<ResourceDescriptor> All { get; }

    public ResourceDescriptor? Find(string group, string version, string plural) =>
        _byPath.GetValueOrDefault((group, version, plural));

    public bool HasGroupVersion(string groupVersion) => _groupVersions.Contains(groupVersion);
}
