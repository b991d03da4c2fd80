using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources that are always served, in the order in which discovery lists them.</summary>
internal static class BuiltInResources
{
    public static IReadOnlyList<ResourceDescriptor> All(SchemaText schema) =>
    [
        .. CoreKinds.All(schema),
        .. AppsKinds.All(schema),
        .. CoordinationKinds.All(schema),
        .. EventsKinds.All(schema),
        .. DevicesKinds.All(schema),
        .. ReliableSyncsKinds.All(schema),
    ];
}
