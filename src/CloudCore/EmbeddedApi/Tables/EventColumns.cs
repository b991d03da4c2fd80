using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of <c>kubectl get events</c>, made from the core form.</summary>
internal static class EventColumns
{
    public static readonly IReadOnlyList<TableColumn> All =
    [
        new("Last Seen", "string", row => CommonColumns.Since(LastSeen(row.Root), row.Now)),
        new("Type", "string", row => row.Root.At("type").Text()),
        new("Reason", "string", row => row.Root.At("reason").Text()),
        new("Object", "string", row => Target(row.Root)),
        new("Subobject", "string", row => About(row.Root).At("fieldPath").Text(), Wide: true),
        new("Source", "string", row => Source(row.Root), Wide: true),
        new("Message", "string", row => Either(row.Root, "message", "note").Text().Trim()),
        new("First Seen", "string", row => CommonColumns.Since(FirstSeen(row.Root), row.Now), Wide: true),
        new("Count", "string", row => Times(row.Root), Wide: true),
        CommonColumns.Name with { Wide = true },
    ];

    private static JsonElement About(JsonElement item) => Either(item, "involvedObject", "regarding");

    private static string Target(JsonElement item)
    {
        var about = About(item);
        var name = about.At("name").Text();
        var kind = about.At("kind").Text().ToLowerInvariant();
        return name.Length == 0 ? kind : $"{kind}/{name}";
    }

    private static string Source(JsonElement item)
    {
        var source = Either(item, "source", "deprecatedSource");
        var parts = new[] { source.At("component").Text(), source.At("host").Text() }.Where(p => p.Length > 0).ToList();
        return parts.Count > 0 ? string.Join(", ", parts) : Either(item, "reportingComponent", "reportingController").Text();
    }

    private static JsonElement FirstSeen(JsonElement item) =>
        IsTime(Either(item, "firstTimestamp", "deprecatedFirstTimestamp"), out var first) ? first : item.At("eventTime");

    private static JsonElement LastSeen(JsonElement item)
    {
        if (IsTime(item.At("series", "lastObservedTime"), out var observed))
        {
            return observed;
        }

        return IsTime(Either(item, "lastTimestamp", "deprecatedLastTimestamp"), out var last) ? last : FirstSeen(item);
    }

    private static long Times(JsonElement item)
    {
        var count = item.At("series", "count").Number();
        count = count > 0 ? count : Either(item, "count", "deprecatedCount").Number();
        return count > 0 ? count : 1;
    }

    private static JsonElement Either(JsonElement item, string core, string events) =>
        item.At(core) is { ValueKind: not JsonValueKind.Undefined } found ? found : item.At(events);

    private static bool IsTime(JsonElement element, out JsonElement time)
    {
        time = element;
        return element.ValueKind == JsonValueKind.String;
    }
}
