using System.Text;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of quotas, limits, priorities and runtime classes.</summary>
internal static class ClusterColumns
{
    public static readonly IReadOnlyList<TableColumn> ResourceQuotas =
    [
        CommonColumns.Name,
        CommonColumns.Age,
        new("Request", "string", row => Usage(row.Root, limits: false)),
        new("Limit", "string", row => Usage(row.Root, limits: true)),
    ];

    public static readonly IReadOnlyList<TableColumn> LimitRanges =
        [CommonColumns.Name, new("Created At", "date", row => row.Root.At("metadata", "creationTimestamp").Text())];

    public static readonly IReadOnlyList<TableColumn> PriorityClasses =
    [
        CommonColumns.Name,
        new("Value", "integer", row => row.Root.At("value").Number()),
        new("Global-Default", "boolean", row => row.Root.At("globalDefault").ValueKind == JsonValueKind.True),
        CommonColumns.Age,
        new("PreemptionPolicy", "string", row => row.Root.At("preemptionPolicy").Text()),
    ];

    public static readonly IReadOnlyList<TableColumn> RuntimeClasses =
        [CommonColumns.Name, new("Handler", "string", row => row.Root.At("handler").Text()), CommonColumns.Age];

    private static string Usage(JsonElement quota, bool limits)
    {
        var text = new StringBuilder();
        foreach (var amount in quota.At("status", "hard").Members().OrderBy(m => m.Name, StringComparer.Ordinal))
        {
            if (amount.Name.StartsWith("limits", StringComparison.Ordinal) != limits)
            {
                continue;
            }

            var used = quota.At("status", "used", amount.Name).Text();
            text.Append(text.Length == 0 ? "" : ", ").Append(amount.Name).Append(": ")
                .Append(used.Length == 0 ? "0" : used).Append('/').Append(amount.Value.Text());
        }

        return text.ToString();
    }
}
