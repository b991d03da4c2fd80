using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>A rule could not be evaluated: no such key, division by zero, ….</summary>
internal class CelException(string message) : Exception(message);

/// <summary>A rule has used up what it may cost.</summary>
internal sealed class CelCostException() : CelException("operation cancelled: actual cost limit exceeded");

/// <summary>An object or a map of the object that is checked.</summary>
/// <param name="Node">Its content.</param>
/// <param name="Schema">Its schema.</param>
/// <param name="IsResource">Whether it has kind, apiVersion and metadata.</param>
internal sealed record CelObject(JsonObject Node, CustomSchema Schema, bool IsResource)
{
    private static readonly CustomSchema s_text = new() { Type = "string" };

    /// <summary>The schema of a member; null where rules cannot see it.</summary>
    public CustomSchema? Member(string name) => Schema.Member(name) is { } member && !(IsResource && name == "metadata")
        ? member
        : IsResource ? ResourceMember(name) : null;

    /// <summary>What every resource has: apiVersion, kind, and of the metadata the names.</summary>
    public static CustomSchema? ResourceMember(string name) => name switch
    {
        "apiVersion" or "kind" => s_text,
        "metadata" => s_metadata,
        _ => null,
    };

    private static readonly CustomSchema s_metadata = new()
    {
        Type = "object",
        Properties = System.Collections.Frozen.FrozenDictionary.ToFrozenDictionary(
            [KeyValuePair.Create("name", s_text), KeyValuePair.Create("generateName", s_text)], StringComparer.Ordinal),
    };
}

/// <summary>A list of the object that is checked; its members are read when they are asked for.</summary>
internal sealed class CelNodeList(JsonArray nodes, CustomSchema schema) : IReadOnlyList<object?>
{
    public CustomSchema Schema => schema;

    public JsonArray Nodes => nodes;

    public int Count => nodes.Count;

    public object? this[int index] => CelValues.Read(nodes[index], schema.Items!);

    public IEnumerator<object?> GetEnumerator()
    {
        for (var i = 0; i < nodes.Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>
/// Values of rules: null, bool, long, double, string, DateTimeOffset, TimeSpan, <see cref="IReadOnlyList{T}"/> of values,
/// <see cref="CelObject"/>, and dictionaries for map literals.
/// </summary>
internal static class CelValues
{
    /// <summary>What a node of the object is to a rule.</summary>
    public static object? Read(JsonNode? node, CustomSchema schema, bool isResource = false)
    {
        switch (node)
        {
            case null:
                return null;
            case JsonObject map:
                return new CelObject(map, schema, isResource || schema.IsResource);
            case JsonArray list when schema.Items is not null:
                return new CelNodeList(list, schema);
            case JsonValue scalar:
                return Scalar(scalar, schema);
            default:
                throw new CelException("no such overload");
        }
    }

    /// <summary>Go's words for a value, for messages.</summary>
    public static string Print(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        string text => text,
        DateTimeOffset time => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture),
        TimeSpan duration => duration.TotalSeconds.ToString("R", CultureInfo.InvariantCulture) + "s",
        _ => throw new CelException("no such overload"),
    };

    /// <summary>CEL's equality: numbers by value, lists and maps by content; sets and keyed lists without order.</summary>
    public static bool AreEqual(object? left, object? right)
    {
        switch (left, right)
        {
            case (null, _) or (_, null):
                return left is null && right is null;
            case (long a, double b):
                return a == b;
            case (double a, long b):
                return a == b;
            case (CelObject a, CelObject b):
                return JsonNode.DeepEquals(a.Node, b.Node);
            case (IReadOnlyList<object?> a, IReadOnlyList<object?> b):
                return ListsAreEqual(a, b);
            case (IReadOnlyDictionary<object, object?> a, IReadOnlyDictionary<object, object?> b):
                return a.Count == b.Count && a.All(e => b.TryGetValue(e.Key, out var other) && AreEqual(e.Value, other));
            default:
                return left.Equals(right);
        }
    }

    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (long a, long b) => a.CompareTo(b),
        (double a, double b) => a.CompareTo(b),
        (long a, double b) => ((double)a).CompareTo(b),
        (double a, long b) => a.CompareTo(b),
        (string a, string b) => string.CompareOrdinal(a, b),
        (bool a, bool b) => a.CompareTo(b),
        (DateTimeOffset a, DateTimeOffset b) => a.CompareTo(b),
        (TimeSpan a, TimeSpan b) => a.CompareTo(b),
        _ => throw new CelException("no such overload"),
    };

    public static bool Contains(object? container, object? value) => container switch
    {
        IReadOnlyList<object?> list => list.Any(item => AreEqual(item, value)),
        CelObject map => value is string key && map.Node.ContainsKey(key),
        IReadOnlyDictionary<object, object?> map => value is not null && map.ContainsKey(value),
        _ => throw new CelException("no such overload"),
    };

    private static bool ListsAreEqual(IReadOnlyList<object?> left, IReadOnlyList<object?> right)
    {
        if (left.Count != right.Count)
        {
            return false;
        }

        return left is CelNodeList { Schema.ListType: "set" or "map" } || right is CelNodeList { Schema.ListType: "set" or "map" }
            ? left.All(item => right.Any(other => AreEqual(item, other)))
            : left.Zip(right).All(pair => AreEqual(pair.First, pair.Second));
    }

    private static object Scalar(JsonValue scalar, CustomSchema schema)
    {
        switch (scalar.GetValueKind())
        {
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            case JsonValueKind.String:
                return Text(scalar.GetValue<string>(), schema);
        }

        JsonNumber.TryRead(scalar, out var number);
        return schema.Type switch
        {
            "number" => (object)number.Real,
            _ when number.IsInteger || (schema.Type == "integer" && number.IsWhole) => number.AsLong,
            _ => number.Real,
        };
    }

    private static object Text(string text, CustomSchema schema) => schema.Type != "string" ? text : schema.Format switch
    {
        "date-time" => KubeTime.TryParse(text, out var time) ? time : throw new CelException($"invalid timestamp {text}"),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            ? new DateTimeOffset(date.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero)
            : throw new CelException($"invalid date {text}"),
        "duration" => GoDuration.TryParse(text, out var duration) ? duration : throw new CelException($"invalid duration {text}"),
        _ => text,
    };
}
