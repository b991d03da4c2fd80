using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of KubeEdge's devices.kubeedge.io/v1beta1.</summary>
internal static class DevicesKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
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
}
