using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>One object while its row is made.</summary>
/// <param name="Root">The object.</param>
/// <param name="Now">The time that ages are counted to.</param>
internal readonly record struct TableRow(JsonElement Root, DateTimeOffset Now);

/// <summary>A column of metav1.Table.</summary>
/// <param name="Name">The heading.</param>
/// <param name="Type"><c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c> or <c>date</c>: what clients may expect; the cells follow <paramref name="Cell"/>.</param>
/// <param name="Cell">The value: a string, a long, a double, a bool, or null.</param>
/// <param name="Wide">Whether it is shown with <c>-o wide</c> only.</param>
/// <param name="Format"><c>name</c> for the column that names the object; empty otherwise.</param>
internal sealed record TableColumn(string Name, string Type, Func<TableRow, object?> Cell, bool Wide = false, string Format = "")
{
    /// <summary>What the column says, for <c>kubectl explain</c>-like tools.</summary>
    public string Description { get; init; } = "";
}
