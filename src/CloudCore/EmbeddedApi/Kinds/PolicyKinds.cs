using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of policy/v1.</summary>
internal static class PolicyKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
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
