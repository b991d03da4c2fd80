using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of coordination.k8s.io/v1.</summary>
internal static class CoordinationKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "coordination.k8s.io", Version = "v1", Plural = "leases", Singular = "lease", Kind = "Lease",
            Schema = schema.Type("Lease"), Columns = BuiltInColumns.Leases, CreatesOnUpdate = true,
            Validate = PolicyRules.CheckLease,
        },
    ];
}
