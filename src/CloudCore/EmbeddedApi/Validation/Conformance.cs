using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>
/// Brings a tree into the shape of its kind, as decoding into a Go struct and encoding again would: nulls and unknown
/// fields go, wrong types are an error that names the field.
/// </summary>
internal sealed class Conformance(string kind, string version)
{
    private const int MostReported = 64;

    private readonly List<string> _unknown = [];

    // the way to the field under the hand: names, and indexes of lists; made into text for errors only
    private readonly Stack<(string? Name, int Index)> _path = [];

    // the type that it is in
    private TypeSchema? _struct;

    /// <summary>The paths of the fields that the kind does not have; they have been removed.</summary>
    public IReadOnlyList<string> UnknownFields => _unknown;

    public void Apply(JsonObject node, TypeSchema type) => Object(node, type);

    /// <summary>The same for a part that lies at <paramref name="path"/>.</summary>
    public void Apply(JsonObject node, TypeSchema type, string path)
    {
        _path.Push((path, 0));
        Object(node, type);
        _path.Pop();
    }

    private void Object(JsonObject node, TypeSchema type)
    {
        var outer = _struct;
        _struct = type;
        Members(node, type);
        _struct = outer;
    }

    private void Members(JsonObject node, TypeSchema type)
    {
        List<string>? removed = null;
        List<(string Name, JsonNode Value)>? replaced = null;
        foreach (var (name, value) in node)
        {
            _path.Push((name, 0));
            var field = type.Field(name);
            if (field is null)
            {
                Report();
            }

            if (field is null || value is null)
            {
                (removed ??= []).Add(name);
            }
            else if (Value(value, field.Shape) is { } other)
            {
                (replaced ??= []).Add((name, other));
            }
            else if (field is { Optional: false, Always: false } && IsEmpty(value, field.Shape))
            {
                (removed ??= []).Add(name);
            }

            _path.Pop();
        }

        foreach (var name in removed ?? [])
        {
            node.Remove(name);
        }

        foreach (var (name, value) in replaced ?? [])
        {
            node[name] = value;
        }
    }

    /// <summary>What a Go client takes for nothing, and leaves out when it writes.</summary>
    private static bool IsEmpty(JsonNode value, FieldShape shape) => shape.Kind switch
    {
        FieldKind.Any => false,
        FieldKind.Map => value is JsonObject { Count: 0 },
        FieldKind.List => value is JsonArray { Count: 0 },
        FieldKind.String => value.AsText() is "",
        FieldKind.Boolean => value.GetValueKind() == JsonValueKind.False,
        FieldKind.Integer or FieldKind.Number => value is JsonValue number
            && ((number.TryGetValue<long>(out var whole) && whole == 0) || (number.TryGetValue<int>(out var small) && small == 0)),
        _ => false,
    };

    /// <summary>Checks a value; where its canonical form is another one, that is returned.</summary>
    private JsonNode? Value(JsonNode value, FieldShape shape)
    {
        var kindOfValue = value.GetValueKind();
        switch (shape.Kind)
        {
            case FieldKind.Object when value is JsonObject inner:
                Object(inner, shape.Type!);
                return null;
            case FieldKind.List when value is JsonArray list:
                return List(list, shape.Element!);
            case FieldKind.Map when value is JsonObject map:
                Map(map, shape.Element!);
                return null;
            case FieldKind.ObjectOrBoolean or FieldKind.ObjectOrList or FieldKind.ObjectOrStrings when value is JsonObject inner:
                Object(inner, shape.Type!);
                return null;
            case FieldKind.ObjectOrList when value is JsonArray list:
                return List(list, new FieldShape(FieldKind.Object, shape.Type));
            case FieldKind.ObjectOrStrings when value is JsonArray list:
                return List(list, new FieldShape(FieldKind.String));
            case FieldKind.Time or FieldKind.MicroTime when KubeTime.TryParseStrictly(value.AsText(), out var time):
                // clients in Go read a time with fractions, or without them, in one way only
                var written = shape.Kind == FieldKind.Time ? KubeTime.Format(time) : KubeTime.FormatMicro(time);
                return written == value.AsText() ? null : JsonValue.Create(written);
            case FieldKind.Quantity when kindOfValue == JsonValueKind.Number:
                return JsonValue.Create(QuantityRules.Canonical(value.ToJsonString()));
            case FieldKind.Quantity when kindOfValue == JsonValueKind.String && QuantityRules.Parse(value.AsText()!) is not null:
                var quantity = QuantityRules.Canonical(value.AsText()!);
                return quantity == value.AsText() ? null : JsonValue.Create(quantity);
            case FieldKind.Any:
            case FieldKind.String or FieldKind.IntOrString or FieldKind.Duration when kindOfValue == JsonValueKind.String:
            case FieldKind.Bytes when kindOfValue == JsonValueKind.String && IsBase64(value.AsText()!):
            case FieldKind.Boolean or FieldKind.ObjectOrBoolean when kindOfValue is JsonValueKind.True or JsonValueKind.False:
            case FieldKind.Number when kindOfValue == JsonValueKind.Number:
            case FieldKind.Integer or FieldKind.IntOrString when kindOfValue == JsonValueKind.Number && IsWhole((JsonValue)value, shape):
                return null;
            default:
                throw Mismatch(value, kindOfValue, shape);
        }
    }

    private JsonArray? List(JsonArray list, FieldShape element)
    {
        JsonArray? copy = null;
        for (var i = 0; i < list.Count; i++)
        {
            _path.Push((null, i));
            if (list[i] is not { } item)
            {
                throw ApiException.BadRequest($"{kind} in version \"{version}\" cannot be handled as a {kind}: {PathText()} is null");
            }

            if (Value(item, element) is { } other)
            {
                copy ??= (JsonArray)list.DeepClone();
                copy[i] = other;
            }

            _path.Pop();
        }

        return copy;
    }

    private void Map(JsonObject map, FieldShape element)
    {
        List<(string, JsonNode?)>? replaced = null;
        foreach (var (name, value) in map)
        {
            _path.Push((name, 0));
            if (value is null)
            {
                // Go decodes null to the type's zero value
                (replaced ??= []).Add((name, element.Kind is FieldKind.String ? JsonValue.Create("") : null));
            }
            else if (Value(value, element) is { } other)
            {
                (replaced ??= []).Add((name, other));
            }

            // a list of resources is kept to the thousandth
            if (element.Kind == FieldKind.Quantity && value?.AsText() is { } amount && QuantityRules.Canonical(amount, QuantityRules.Milli) is var kept && kept != amount)
            {
                (replaced ??= []).Add((name, JsonValue.Create(kept)));
            }

            _path.Pop();
        }

        foreach (var (name, value) in replaced ?? [])
        {
            map.SetOrRemove(name, value);
        }
    }

    private void Report()
    {
        if (_unknown.Count < MostReported)
        {
            _unknown.Add(PathText());
        }
    }

    private ApiException Mismatch(JsonNode value, JsonValueKind found, FieldShape shape)
    {
        var path = PathText();
        var refused = $"{kind} in version \"{version}\" cannot be handled as a {kind}: ";
        var text = value.AsText();
        switch (shape.Kind)
        {
            case FieldKind.Quantity:
                return ApiException.BadRequest(
                    refused + "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
            case FieldKind.Time or FieldKind.MicroTime when text is not null:
                return ApiException.BadRequest(
                    $"{refused}parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{text}\" as \"2006\"");
            case FieldKind.Bytes when text is not null:
                return ApiException.BadRequest($"{refused}illegal base64 data in {path}");
        }

        var word = found switch
        {
            JsonValueKind.True or JsonValueKind.False => "bool",
            JsonValueKind.Number when shape.Kind == FieldKind.Integer => $"number {value.ToJsonString()}",
            JsonValueKind.Number => "number",
            JsonValueKind.String => "string",
            JsonValueKind.Array => "array",
            _ => "object",
        };
        return ApiException.BadRequest(
            $"{refused}json: cannot unmarshal {word} into Go struct field {_struct?.Name}.{WithoutIndexes(path)} of type {shape.GoName}");
    }

    /// <summary>As Go names a field: by the names on the way to it only.</summary>
    private static string WithoutIndexes(string path) => path.Contains('[', StringComparison.Ordinal)
        ? string.Concat(path.Split('[').Select((part, i) => i == 0 ? part : part[(part.IndexOf(']', StringComparison.Ordinal) + 1)..]))
        : path;

    private static bool IsBase64(string text) => Base64.IsValid(text);

    private static bool IsWhole(JsonValue value, FieldShape shape) =>
        value.TryGetValue<int>(out _)
        || (value.TryGetValue<long>(out var number)
            && (!(shape.Is32Bit || shape.Kind == FieldKind.IntOrString) || number is >= int.MinValue and <= int.MaxValue));

    private string PathText()
    {
        var text = new StringBuilder();
        foreach (var (name, index) in _path.Reverse())
        {
            if (name is null)
            {
                text.Append('[').Append(index).Append(']');
            }
            else if (name.Length > 0)
            {
                text.Append(text.Length > 0 ? "." : "").Append(name);
            }
        }

        return text.ToString();
    }
}
