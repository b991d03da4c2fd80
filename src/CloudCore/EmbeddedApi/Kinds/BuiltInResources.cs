using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources that are always served, in the order in which discovery lists them.</summary>
internal static class BuiltInResources
{
    public static IReadOnlyList<ResourceDescriptor> All(SchemaText schema) =>
    [
        .. CoreKinds.All(schema),
        .. AppsKinds.All(schema),
        .. AutoscalingKinds.All(schema),
        .. BatchKinds.All(schema),
        .. ApiExtensionsKinds.All(schema),
        .. CoordinationKinds.All(schema),
        .. DiscoveryKinds.All(schema),
        .. EventsKinds.All(schema),
        .. MetricsKinds.All(schema),
        .. NetworkingKinds.All(schema),
        .. NodeKinds.All(schema),
        .. PolicyKinds.All(schema),
        .. SchedulingKinds.All(schema),
        .. StorageKinds.All(schema),
        .. RbacKinds.All(schema),
        .. AuthenticationKinds.All(schema),
        .. AuthorizationKinds.All(schema),
        .. CertificatesKinds.All(schema),
    ];
}
