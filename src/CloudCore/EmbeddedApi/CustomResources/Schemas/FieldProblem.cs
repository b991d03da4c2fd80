using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>One thing that is wrong with a value: a cause of the answer's Status.</summary>
/// <param name="Reason">Kubernetes' cause type.</param>
/// <param name="Field">Where.</param>
/// <param name="Message">What.</param>
internal sealed record FieldProblem(string Reason, string Field, string Message)
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether rules that read this value would be asked about something that they do not expect.</summary>
    public bool HidesRules => Reason is "FieldValueNotSupported" or "FieldValueRequired" or "FieldValueTooLong" or "FieldValueTooMany" or "FieldValueTypeInvalid";

    public static FieldProblem Required(string field, string detail = "") =>
        new("FieldValueRequired", field, detail.Length == 0 ? "Required value" : $"Required value: {detail}");

    public static FieldProblem Invalid(string field, JsonNode? value, string detail) =>
        new("FieldValueInvalid", field, $"Invalid value: {Print(value)}: {detail}");

    public static FieldProblem TypeInvalid(string field, JsonNode? value, string detail) =>
        new("FieldValueTypeInvalid", field, $"Invalid value: {Print(value)}: {detail}");

    /// <summary>A problem that Kubernetes' validator reports without a field.</summary>
    public static FieldProblem Unplaced(string detail) => new("FieldValueInvalid", "<nil>", $"Invalid value: \"\": {detail}");

    public static FieldProblem Forbidden(string field, string detail) =>
        new("FieldValueForbidden", field, $"Forbidden: {detail}");

    public static FieldProblem Duplicate(string field, JsonNode? value) =>
        new("FieldValueDuplicate", field, $"Duplicate value: {Print(value)}");

    public static FieldProblem TooLong(string field, long most) =>
        new("FieldValueTooLong", field, string.Create(CultureInfo.InvariantCulture, $"Too long: may not be more than {most} byte{(most == 1 ? "" : "s")}"));

    public static FieldProblem TooMany(string field, long count, long most) =>
        new("FieldValueTooMany", field, string.Create(CultureInfo.InvariantCulture, $"Too many: {count}: must have at most {most} item{(most == 1 ? "" : "s")}"));

    public static FieldProblem NotSupported(string field, JsonNode? value, IEnumerable<JsonNode?> supported) => new(
        "FieldValueNotSupported",
        field,
        $"Unsupported value: {Print(value)}: supported values: {string.Join(", ", supported.Select(s => Quote(s is JsonValue v && v.TryGetValue<string>(out var text) ? text : s?.ToJsonString(s_plain) ?? "null")))}");

    /// <summary>A value as Go's field errors print it.</summary>
    public static string Print(JsonNode? value) => value switch
    {
        null => "null",
        JsonValue scalar when scalar.TryGetValue<string>(out var text) => Quote(text),
        _ => value.ToJsonString(s_plain),
    };

    /// <summary>Go's %q, as far as it matters for messages.</summary>
    public static string Quote(string text) => $"\"{text
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal)
        .Replace("\t", "\\t", StringComparison.Ordinal)
        .Replace("\r", "\\r", StringComparison.Ordinal)}\"";
}
