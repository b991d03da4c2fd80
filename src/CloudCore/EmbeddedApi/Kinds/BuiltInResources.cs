using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources that are always served, one descriptor each.</summary>
internal static class BuiltInResources
{
    public static IReadOnlyList<ResourceDescriptor> All(SchemaText schema) =>
        [.. Core(schema), .. Apps(schema), .. Coordination(schema), .. Events(schema), .. Devices(schema), .. ReliableSyncs(schema)];

    private static ResourceDescriptor[] Core(SchemaText schema) =>
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

    private static ResourceDescriptor[] Apps(SchemaText schema) =>
    [
        new()
        {
            Group = "apps", Version = "v1", Plural = "controllerrevisions", Singular = "controllerrevision", Kind = "ControllerRevision",
            Schema = schema.Type("ControllerRevision"), Columns = BuiltInColumns.ControllerRevisions,
        },
        new()
        {
            Group = "apps", Version = "v1", Plural = "daemonsets", Singular = "daemonset", Kind = "DaemonSet", ShortNames = ["ds"],
            Categories = ["all"], Subresources = ["status"], Schema = schema.Type("DaemonSet"), TracksGeneration = true,
            Columns = BuiltInColumns.DaemonSets, Default = DaemonSetDefaults.Apply, PrepareCreate = DaemonSetDefaults.PrepareCreate,
            PrepareUpdate = DaemonSetDefaults.PrepareUpdate, Validate = WorkloadRules.CheckDaemonSet,
        },
    ];

    private static ResourceDescriptor[] Coordination(SchemaText schema) =>
    [
        new()
        {
            Group = "coordination.k8s.io", Version = "v1", Plural = "leases", Singular = "lease", Kind = "Lease",
            Schema = schema.Type("Lease"), Columns = BuiltInColumns.Leases, CreatesOnUpdate = true,
        },
    ];

    private static ResourceDescriptor[] Events(SchemaText schema) =>
    [
        new()
        {
            Group = "events.k8s.io", Version = "v1", Plural = "events", Singular = "event", Kind = "Event", ShortNames = ["ev"],
            StorageName = "events", Schema = schema.Type("events.Event"), Columns = EventColumns.All, CreatesOnUpdate = true,
            SelectableFields = ["involvedObject.kind", "involvedObject.name", "reason", "type"],
            FromStorage = EventForms.FromCore, ToStorage = EventForms.ToCore,
        },
    ];

    private static ResourceDescriptor[] Devices(SchemaText schema) =>
    [
        new()
        {
            Group = "devices.kubeedge.io", Version = "v1beta1", Plural = "devicemodels", Singular = "devicemodel", Kind = "DeviceModel",
            Schema = schema.Type("DeviceModel"), StrategicMerge = false, TracksGeneration = true, UpdateNeedsVersion = true,
            Columns = BuiltInColumns.DeviceModels, Validate = DataRules.CheckDeviceModel,
        },
        new()
        {
            Group = "devices.kubeedge.io", Version = "v1beta1", Plural = "devices", Singular = "device", Kind = "Device",
            Subresources = ["status"], Schema = schema.Type("Device"), StrategicMerge = false, TracksGeneration = true,
            UpdateNeedsVersion = true, Columns = BuiltInColumns.Devices, Validate = DataRules.CheckDevice, SelectableFields = ["spec.nodeName"],
        },
        new()
        {
            // no status subresource, as KubeEdge's
            Group = "devices.kubeedge.io", Version = "v1beta1", Plural = "devicestatuses", Singular = "devicestatus",
            Kind = "DeviceStatus", Schema = schema.Type("DeviceStatusObject"), StrategicMerge = false, UpdateNeedsVersion = true,
            KeepsStatusOnCreate = true, Columns = BuiltInColumns.DeviceStatuses,
        },
    ];

    private static ResourceDescriptor[] ReliableSyncs(SchemaText schema) =>
    [
        new()
        {
            Group = "reliablesyncs.kubeedge.io", Version = "v1alpha1", Plural = "objectsyncs", Singular = "objectsync", Kind = "ObjectSync",
            Schema = schema.Type("ObjectSync"), Subresources = ["status"], StrategicMerge = false, UpdateNeedsVersion = true,
            Columns = BuiltInColumns.ObjectSyncs,
        },
        new()
        {
            Group = "reliablesyncs.kubeedge.io", Version = "v1alpha1", Plural = "clusterobjectsyncs", Singular = "clusterobjectsync",
            Kind = "ClusterObjectSync", Namespaced = false, Schema = schema.Type("ObjectSync"), Subresources = ["status"],
            StrategicMerge = false, UpdateNeedsVersion = true, Columns = BuiltInColumns.ObjectSyncs,
        },
    ];
}
