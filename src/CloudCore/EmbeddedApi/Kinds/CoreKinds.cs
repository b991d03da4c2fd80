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
            Version = "v1", Plural = "bindings", Singular = "binding", Kind = "Binding", Schema = schema.Type("Binding"),
            Verbs = ResourceVerbNames.CreateOnly,
        },
        new()
        {
            Version = "v1", Plural = "configmaps", Singular = "configmap", Kind = "ConfigMap", ShortNames = ["cm"],
            Schema = schema.Type("ConfigMap"), Columns = BuiltInColumns.ConfigMaps, Validate = DataRules.CheckConfigMap,
        },
        new()
        {
            Version = "v1", Plural = "endpoints", Singular = "endpoints", Kind = "Endpoints", ShortNames = ["ep"],
            Schema = schema.Type("Endpoints"), Columns = NetworkColumns.Endpoints, Default = NetworkDefaults.Endpoints,
            Validate = ServiceRules.CheckEndpoints, CreatesOnUpdate = true,
        },
        new()
        {
            Version = "v1", Plural = "events", Singular = "event", Kind = "Event", ShortNames = ["ev"],
            Schema = schema.Type("Event"), Columns = EventColumns.All, CreatesOnUpdate = true, Default = OtherDefaults.Event,
            Validate = DataRules.CheckEvent,
            SelectableFields =
            [
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                "reportingComponent", "source", "type",
            ],
            SelectablePaths =
            [
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                "reportingComponent", "source.component|reportingComponent", "type",
            ],
        },
        new()
        {
            Version = "v1", Plural = "limitranges", Singular = "limitrange", Kind = "LimitRange", ShortNames = ["limits"],
            Schema = schema.Type("LimitRange"), Columns = ClusterColumns.LimitRanges, Default = OtherDefaults.LimitRange,
            Validate = PolicyRules.CheckLimitRange, CreatesOnUpdate = true,
        },
        new()
        {
            Version = "v1", Plural = ObjectStore.NamespaceResource, Singular = "namespace", Kind = "Namespace", ShortNames = ["ns"],
            Namespaced = false, NameRule = NameRule.Label, Subresources = ["finalize", "status"], Schema = schema.Type("Namespace"),
            Verbs = ResourceVerbNames.NoDeleteCollection, PartialWrites = OtherDefaults.NamespaceFinalize,
            Columns = BuiltInColumns.Namespaces, SelectableFields = ["status.phase"], ReturnsDeletedObject = true,
            Undeletable = name => name is "default" or "kube-system" or "kube-public" ? "this namespace may not be deleted" : null,
            Default = OtherDefaults.Namespace, PrepareCreate = OtherDefaults.NewNamespace,
            PrepareUpdate = OtherDefaults.KeepNamespaceFinalizers,
            Validate = DataRules.CheckNamespace, HoldsDeletion = OtherDefaults.NamespaceIsHeld, DeletionBegins = OtherDefaults.NamespaceDeletionBegins,
        },
        new()
        {
            Version = "v1", Plural = "nodes", Singular = "node", Kind = "Node", ShortNames = ["no"],
            Namespaced = false, Subresources = ["status"], Schema = schema.Type("Node"), KeepsStatusOnCreate = true,
            Columns = BuiltInColumns.Nodes, Validate = WorkloadRules.CheckNode,
            Default = OtherDefaults.Node, SelectableFields = ["spec.unschedulable"],
            FieldsWhereMissing = new Dictionary<string, string> { ["spec.unschedulable"] = "false" },
        },
        new()
        {
            Version = "v1", Plural = "persistentvolumeclaims", Singular = "persistentvolumeclaim", Kind = "PersistentVolumeClaim",
            ShortNames = ["pvc"], Subresources = ["status"], Schema = schema.Type("PersistentVolumeClaim"), Columns = StorageColumns.Claims,
            Default = StorageDefaults.Claim, Admission = [StorageDefaults.ClassOfClaim], Validate = StorageRules.CheckClaim,
            ReturnsDeletedObject = true,
        },
        new()
        {
            Version = "v1", Plural = "persistentvolumes", Singular = "persistentvolume", Kind = "PersistentVolume", ShortNames = ["pv"],
            Namespaced = false, Subresources = ["status"], Schema = schema.Type("PersistentVolume"), Columns = StorageColumns.Volumes,
            Default = StorageDefaults.Volume, Validate = StorageRules.CheckVolume, ReturnsDeletedObject = true,
        },
        new()
        {
            Version = "v1", Plural = "pods", Singular = "pod", Kind = "Pod", ShortNames = ["po"], Categories = ["all"],
            Subresources = ["attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "resize", "status"], Schema = schema.Type("Pod"),
            Columns = PodColumns.All, Completion = PodColumns.Completion, ReturnsDeletedObject = true, TracksGeneration = true,
            StatusMetadata = ["annotations", "finalizers", "labels"], PartialWrites = PodParts.Writes, Admission = PodAdmission.Steps,
            SelectableFields =
            [
                "spec.nodeName", "status.phase", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                "spec.hostNetwork", "status.podIP", "status.podIPs", "status.nominatedNodeName",
            ],
            FieldsWhereMissing = new Dictionary<string, string> { ["spec.hostNetwork"] = "false" },
            Default = PodDefaults.Apply, DefaultStatus = PodDefaults.Status, PrepareCreate = PodDefaults.PrepareCreate, DeletionGrace = PodDefaults.DeletionGrace,
            Validate = WorkloadRules.CheckPod,
        },
        new()
        {
            Version = "v1", Plural = "podtemplates", Singular = "podtemplate", Kind = "PodTemplate", Schema = schema.Type("PodTemplate"),
            Columns = WorkloadColumns.PodTemplates, Default = AppsDefaults.PodTemplateObject, TracksGeneration = true,
            Validate = TemplateRules.CheckPodTemplate, ReturnsDeletedObject = true,
        },
        new()
        {
            Version = "v1", Plural = "replicationcontrollers", Singular = "replicationcontroller", Kind = "ReplicationController",
            ShortNames = ["rc"], Categories = ["all"], Subresources = ["scale", "status"], Schema = schema.Type("ReplicationController"),
            Columns = WorkloadColumns.ReplicationControllers, TracksGeneration = true, Scale = ScalePaths.Workload,
            DefaultPropagation = "Orphan", SelectableFields = ["status.replicas"], Default = AppsDefaults.ReplicationController,
            FieldsWhereMissing = new Dictionary<string, string> { ["status.replicas"] = "0" },
            PrepareCreate = AppsDefaults.NoReplicas, Validate = AppsRules.CheckReplicationController,
        },
        new()
        {
            Version = "v1", Plural = "resourcequotas", Singular = "resourcequota", Kind = "ResourceQuota", ShortNames = ["quota"],
            Subresources = ["status"], Schema = schema.Type("ResourceQuota"), Columns = ClusterColumns.ResourceQuotas,
            PrepareCreate = AppsDefaults.EmptyStatus, Validate = PolicyRules.CheckResourceQuota, ReturnsDeletedObject = true,
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
            Subresources = ["token"], Schema = schema.Type("ServiceAccount"), Columns = BuiltInColumns.ServiceAccounts, ReturnsDeletedObject = true,
        },
        new()
        {
            Version = "v1", Plural = "services", Singular = "service", Kind = "Service", ShortNames = ["svc"], Categories = ["all"],
            NameRule = NameRule.ServiceLabel, Subresources = ["status"], Schema = schema.Type("Service"),
            Columns = NetworkColumns.Services, SelectableFields = ["spec.clusterIP", "spec.type"], OneWriterAtATime = true,
            Default = NetworkDefaults.Service, Admission = [ServiceAllocation.Step], Validate = ServiceRules.CheckService,
            ReturnsDeletedObject = true,
        },
    ];
}
