using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of policy/v1, and of v1beta1 for clients of Kubernetes 1.20.</summary>
internal static class PolicyKinds
{
    public static ResourceDescriptor[] All(SchemaText schema)
    {
        var current = Current(schema);
        return [.. current, EarlierVersions.OfBudgets(current[0])];
    }

    private static ResourceDescriptor[] Current(SchemaText schema) =>
    [
        new()
        {
            Group = "policy", Version = "v1", Plural = "poddisruptionbudgets", Singular = "poddisruptionbudget", Kind = "PodDisruptionBudget",
            ShortNames = ["pdb"], Subresources = ["status"], Schema = schema.Type("PodDisruptionBudget"), TracksGeneration = true,
            Columns = WorkloadColumns.DisruptionBudgets, PrepareCreate = OtherDefaults.NewDisruptionBudget,
            Validate = PolicyRules.CheckDisruptionBudget,
        },
    ];
}
