using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Tables;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of apiextensions.k8s.io/v1: the definitions of all others that are not built in.</summary>
internal static class ApiExtensionsKinds
{
    private static readonly TableColumn s_created =
        new("Created At", "date", row => row.Root.At("metadata", "creationTimestamp").Text());

    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "apiextensions.k8s.io", Version = "v1", Plural = "customresourcedefinitions", Singular = "customresourcedefinition",
            Kind = "CustomResourceDefinition", ShortNames = ["crd", "crds"], Categories = ["api-extensions"], Namespaced = false,
            StorageName = ObjectStore.DefinitionResource, Subresources = ["status"], Schema = schema.Type("CustomResourceDefinition"),
            StatusMetadata = ["finalizers"], TracksGeneration = true, UpdateNeedsVersion = true, Columns = [CommonColumns.Name, s_created],
            Default = DefinitionDefaults.Apply, PrepareCreate = DefinitionDefaults.PrepareCreate, PrepareUpdate = DefinitionDefaults.PrepareUpdate,
            HoldsDeletion = DefinitionDefaults.IsHeld, DeletionBegins = DefinitionDefaults.DeletionBegins,
            DeletionIsMarkOnly = true, Validate = DefinitionRules.Check,
            Warnings = DefinitionWarnings.Of,
        },
    ];
}
