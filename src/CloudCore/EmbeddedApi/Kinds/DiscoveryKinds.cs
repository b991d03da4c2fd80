using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of discovery.k8s.io/v1.</summary>
internal static class DiscoveryKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "discovery.k8s.io", Version = "v1", Plural = "endpointslices", Singular = "endpointslice", Kind = "EndpointSlice",
            Schema = schema.Type("EndpointSlice"), TracksGeneration = true, CountedMetadata = ["labels"],
            Columns = NetworkColumns.EndpointSlices, Default = NetworkDefaults.EndpointSlice, Validate = ServiceRules.CheckEndpointSlice,
        },
    ];
}
