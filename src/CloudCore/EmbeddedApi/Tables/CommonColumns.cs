using System.Globalization;
using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>Columns and words that many kinds share, as kubectl's users know them.</summary>
internal static class CommonColumns
{
    public static readonly TableColumn Name =
        new("Name", "string", row => row.Root.At("metadata", "name").Text(), Format: "name");

    public static readonly TableColumn Age = new("Age", "string", row => Since(row.Root.At("metadata", "creationTimestamp"), row.Now));

    public static readonly IReadOnlyList<TableColumn> NameAndAge = [Name, Age];

    /// <summary>How long ago; <c>&lt;unknown&gt;</c> where the time is missing.</summary>
    public static string Since(JsonElement time, DateTimeOffset now) =>
        time.ValueKind == JsonValueKind.String && KubeTime.TryParse(time.GetString(), out var then)
            ? HumanDuration(now - then)
            : "<unknown>";

    /// <summary>Kubernetes' short durations: 45s, 2m10s, 15m, 3h20m, 5d3h, 2y40d; two units while they matter.</summary>
    public static string HumanDuration(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        if (seconds < -1)
        {
            return "<invalid>";
        }

        return seconds switch
        {
            < 0 => "0s",
            < 120 => Text($"{seconds}s"),
            < 600 => Two(seconds / 60, "m", seconds % 60, "s"),
            < 3 * 3600 => Text($"{seconds / 60}m"),
            < 8 * 3600 => Two(seconds / 3600, "h", seconds / 60 % 60, "m"),
            < 48 * 3600 => Text($"{seconds / 3600}h"),
            < 8 * 86400 => Two(seconds / 86400, "d", seconds / 3600 % 24, "h"),
            < 2 * 365 * 86400L => Text($"{seconds / 86400}d"),
            < 8 * 365 * 86400L => Two(seconds / 86400 / 365, "y", seconds / 86400 % 365, "d"),
            _ => Text($"{seconds / 86400 / 365}y"),
        };
    }

    /// <summary>The member at a path; undefined where a step is missing.</summary>
    public static JsonElement At(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(step, out element))
            {
                return default;
            }
        }

        return element;
    }

    /// <summary>The string, or empty.</summary>
    public static string Text(this JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? element.GetString()! : "";

    /// <summary>The whole number, or 0.</summary>
    public static long Number(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number) ? number : 0;

    /// <summary>The members of a list; nothing where it is missing.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    /// <summary>The members of an object; nothing where it is missing.</summary>
    public static IEnumerable<JsonProperty> Members(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Object ? element.EnumerateObject() : [];

    /// <summary><c>a=b,c=d</c>, or <c>&lt;none&gt;</c>.</summary>
    public static string Labels(JsonElement labels)
    {
        var text = new StringBuilder();
        foreach (var label in labels.Members().OrderBy(l => l.Name, StringComparer.Ordinal))
        {
            text.Append(text.Length == 0 ? "" : ",").Append(label.Name).Append('=').Append(label.Value.Text());
        }

        return text.Length == 0 ? "<none>" : text.ToString();
    }

    /// <summary>A label selector in kubectl's notation, its parts in the order of their keys.</summary>
    public static string Selector(JsonElement selector)
    {
        var parts = selector.At("matchLabels").Members().Select(l => (Key: l.Name, Text: $"{l.Name}={l.Value.Text()}")).ToList();
        foreach (var expression in selector.At("matchExpressions").Items())
        {
            var key = expression.At("key").Text();
            var values = string.Join(',', expression.At("values").Items().Select(v => v.Text()).Order(StringComparer.Ordinal));
            parts.Add((key, expression.At("operator").Text() switch
            {
                "In" => $"{key} in ({values})",
                "NotIn" => $"{key} notin ({values})",
                "Exists" => key,
                _ => $"!{key}",
            }));
        }

        return parts.Count == 0 ? "<none>" : string.Join(',', parts.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Text));
    }

    public static string OrNone(string text) => text.Length == 0 ? "<none>" : text;

    /// <summary><c>True</c>, <c>False</c>, or <c>&lt;unset&gt;</c>.</summary>
    public static string Truth(JsonElement flag) => flag.ValueKind switch
    {
        JsonValueKind.True => "True",
        JsonValueKind.False => "False",
        _ => "<unset>",
    };

    /// <summary>Names or images of the containers of a pod spec.</summary>
    public static string Containers(JsonElement podSpec, string member) =>
        string.Join(',', podSpec.At("containers").Items().Select(c => c.At(member).Text()));

    private static string Two(long first, string unit, long second, string smaller) =>
        second == 0 ? Text($"{first}{unit}") : Text($"{first}{unit}{second}{smaller}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
