using EdgeSync.CloudCore.EmbeddedApi.Discovery;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>
/// What is served now: the built-in resources and those of the definitions. Readers take the whole, which never changes; the one writer
/// (<see cref="Definitions.DefinitionController"/>) swaps it.
/// </summary>
internal sealed class ResourceCatalog
{
    private readonly IReadOnlyList<ResourceDescriptor> _builtIn;
    private volatile Snapshot _current;

    public ResourceCatalog(IReadOnlyList<ResourceDescriptor> builtIn)
    {
        _builtIn = builtIn;
        _current = new Snapshot(new ResourceTable(builtIn));
    }

    public ResourceTable Table => _current.Table;

    /// <summary>The documents of that table.</summary>
    public DiscoveryDocuments Discovery => _current.Discovery;

    /// <summary>Whether a built-in resource has this place; a definition cannot take it.</summary>
    public bool IsBuiltIn(string group, string plural) => _builtIn.Any(r => r.Group == group && r.Plural == plural);

    /// <summary>Serves these beside the built-in ones from now on.</summary>
    public void Swap(IEnumerable<ResourceDescriptor> custom) => _current = new Snapshot(new ResourceTable([.. _builtIn, .. custom]));

    /// <summary>A table and its documents, which are rendered when somebody asks.</summary>
    private sealed class Snapshot(ResourceTable table)
    {
        private readonly Lazy<DiscoveryDocuments> _discovery = new(() => new DiscoveryDocuments(table));

        public ResourceTable Table => table;

        public DiscoveryDocuments Discovery => _discovery.Value;
    }
}
