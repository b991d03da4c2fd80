using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Tables;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>The columns that a definition's additionalPrinterColumns ask for.</summary>
internal static class CustomColumns
{
    /// <summary>Name and, without columns of its own, Age.</summary>
    public static IReadOnlyList<TableColumn> Of(JsonObject version)
    {
        var asked = version.Objects("additionalPrinterColumns").ToList();
        return asked.Count == 0 ? CommonColumns.NameAndAge : [CommonColumns.Name, .. asked.Select(Column)];
    }

    private static TableColumn Column(JsonObject column)
    {
        var text = column.Text("jsonPath") ?? "";
        var type = column.Text("type") ?? "";
        Func<TableRow, object?> cell = JsonPath.TryParse(text, out var path, out _)
            ? row => Cell(type, path!.First(row.Root), row.Now)
            : _ => null;
        return new TableColumn(column.Text("name") ?? "", type, cell, column.Number("priority") is > 0, column.Text("format") ?? "")
        {
            Description = column.Text("description") is { Length: > 0 } description
                ? description
                : $"Custom resource definition column (in JSONPath format): {text}",
        };
    }

    private static object? Cell(string type, JsonElement value, DateTimeOffset now) => (type, value.ValueKind) switch
    {
        (_, JsonValueKind.Undefined) => null,
        ("string", JsonValueKind.String) => value.GetString(),
        ("string", JsonValueKind.Null) => "",
        ("string", _) => value.GetRawText(),
        ("integer", JsonValueKind.Number) => value.TryGetInt64(out var whole) ? whole : (long)value.GetDouble(),
        ("number", JsonValueKind.Number) => value.GetDouble(),
        ("boolean", JsonValueKind.True or JsonValueKind.False) => value.GetBoolean(),
        ("date", JsonValueKind.String) => CommonColumns.Since(value, now) is var age && age == "<unknown>" ? "<invalid>" : age,
        _ => null,
    };
}
