using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>Events are stored in their core/v1 form; events.k8s.io/v1 shows the same ones under other names.</summary>
internal static class EventForms
{
    private static readonly (string Core, string Events)[] s_names =
    [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
        ("reportingComponent", "reportingController"),
    ];

    public static void FromCore(JsonObject item)
    {
        item["apiVersion"] = "events.k8s.io/v1";
        foreach (var (core, events) in s_names)
        {
            Rename(item, core, events);
        }

        // this form leaves out what is empty, the other one has it always
        foreach (var name in (string[])["reportingController", "reportingInstance"])
        {
            if (item.Text(name) is "")
            {
                item.Remove(name);
            }
        }
    }

    public static void ToCore(JsonObject item)
    {
        item["apiVersion"] = "v1";
        foreach (var (core, events) in s_names)
        {
            Rename(item, events, core);
        }

        // core events have these even where nothing is known
        item.ObjectOrNew("involvedObject");
    }

    private static void Rename(JsonObject item, string from, string to)
    {
        var value = item[from];
        item.Remove(from);
        if (value is not null)
        {
            item[to] = value;
        }
    }
}
