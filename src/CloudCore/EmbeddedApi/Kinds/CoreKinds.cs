using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of core/v1.</summary>
internal static class CoreKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Version = "v1", Plural = "configmaps", Singular = "configmap", Kind = "ConfigMap", ShortNames = ["cm"],
            Schema = schema.Type("ConfigMap"), Columns = BuiltInColumns.ConfigMaps, Validate = DataRules.CheckConfigMap,
        },
        new()
        {
            Version = "v1", Plural = "events", Singular = "event", Kind = "Event", ShortNames = ["ev"],
            Schema = schema.Type("Event"), Columns = EventColumns.All, CreatesOnUpdate = true,
            SelectableFields =
            [
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                "reportingComponent", "type",
            ],
        },
        new()
        {
            Version = "v1", Plural = ObjectStore.NamespaceResource, Singular = "namespace", Kind = "Namespace", ShortNames = ["ns"],
            Namespaced = false, NameRule = NameRule.Label, Subresources = ["status"], Schema = schema.Type("Namespace"),
            Columns = BuiltInColumns.Namespaces, SelectableFields = ["status.phase"], ReturnsDeletedObject = true,
            Undeletable = ["default", "kube-system", "kube-public"],
            Default = OtherDefaults.Namespace, PrepareCreate = OtherDefaults.NewNamespace,
            HoldsDeletion = OtherDefaults.NamespaceIsHeld, DeletionBegins = OtherDefaults.NamespaceDeletionBegins,
        },
        new()
        {
            Version = "v1", Plural = "nodes", Singular = "node", Kind = "Node", ShortNames = ["no"],
            Namespaced = false, Subresources = ["status"], Schema = schema.Type("Node"), KeepsStatusOnCreate = true,
            Columns = BuiltInColumns.Nodes, Validate = WorkloadRules.CheckNode,
            Default = OtherDefaults.Node, SelectableFields = ["spec.unschedulable"],
        },
        new()
        {
            Version = "v1", Plural = "pods", Singular = "pod", Kind = "Pod", ShortNames = ["po"], Categories = ["all"],
            Subresources = ["status", "binding"], Schema = schema.Type("Pod"), Columns = PodColumns.All, ReturnsDeletedObject = true,
            SelectableFields =
            [
                "spec.nodeName", "status.phase", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                "spec.hostNetwork", "status.podIP", "status.nominatedNodeName",
            ],
            Default = PodDefaults.Apply, PrepareCreate = PodDefaults.PrepareCreate, DeletionGrace = PodDefaults.DeletionGrace,
            Validate = WorkloadRules.CheckPod,
        },
        new()
        {
            Version = "v1", Plural = "secrets", Singular = "secret", Kind = "Secret", Schema = schema.Type("Secret"),
            Columns = BuiltInColumns.Secrets, SelectableFields = ["type"], Default = OtherDefaults.Secret,
            Validate = DataRules.CheckSecret,
        },
        new()
        {
            Version = "v1", Plural = "serviceaccounts", Singular = "serviceaccount", Kind = "ServiceAccount", ShortNames = ["sa"],
            Schema = schema.Type("ServiceAccount"), Columns = BuiltInColumns.ServiceAccounts, ReturnsDeletedObject = true,
        },
    ];
}
