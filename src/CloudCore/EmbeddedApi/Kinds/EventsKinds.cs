using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of events.k8s.io/v1.</summary>
internal static class EventsKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "events.k8s.io", Version = "v1", Plural = "events", Singular = "event", Kind = "Event", ShortNames = ["ev"],
            StorageName = "events", Schema = schema.Type("events.Event"), StoredSchema = schema.Type("Event"), Columns = EventColumns.All, CreatesOnUpdate = true,
            SelectableFields =
            [
                "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
                "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type",
            ],
            SelectablePaths =
            [
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
                "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "type",
            ],
            FromStorage = EventForms.FromCore, ToStorage = EventForms.ToCore,
        },
    ];
}
