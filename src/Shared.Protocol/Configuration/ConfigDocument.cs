using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace EdgeSync.Protocol.Configuration;

/// <summary>One thing wrong with a configuration file.</summary>
/// <param name="Path">The member, as <c>modules.edgeHub.heartbeat</c>; empty for the file as a whole.</param>
/// <param name="Line">From 1; 0 when there is no line to name.</param>
/// <param name="Text">What is wrong and how to mend it.</param>
public sealed record ConfigProblem(string Path, long Line, string Text)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Path}{(Path.Length > 0 && Line > 0 ? " " : "")}{(Line > 0 ? $"(line {Line})" : "")}{(Path.Length > 0 || Line > 0 ? ": " : "")}{Text}");
}

/// <summary>
/// A configuration file read into a type by its source-generated metadata. Wrong types are collected, all of them,
/// rather than thrown one at a time; members that the type lacks are listed and otherwise left alone. As in Go's
/// readers, member names match without regard to case and a null counts as absent.
/// </summary>
/// <typeparam name="T">The configuration's type.</typeparam>
public sealed class ConfigDocument<T>
    where T : class, new()
{
    private readonly List<ConfigProblem> _problems = [];
    private readonly List<string> _unknown = [];
    private readonly YamlLines _lines;

    /// <param name="text">YAML.</param>
    /// <param name="type">Metadata of a context with <c>PropertyNameCaseInsensitive</c>.</param>
    public ConfigDocument(string text, JsonTypeInfo<T> type)
    {
        _lines = YamlLines.Of(text);
        try
        {
            if (YamlToJson.ReadOne(text) is not { } root)
            {
                Report("", "the file is empty");
                return;
            }

            Check(root, type, "");
            if (_problems.Count == 0)
            {
                // source-generated readers set init-only members that the text lacks to null, over the type's own
                // defaults; so the text is laid over those first
                var whole = JsonSerializer.SerializeToNode(new T(), type)!.AsObject();
                Overlay(whole, root.AsObject());
                Value = whole.Deserialize(type);
            }
        }
        catch (FormatException e)
        {
            Report("", e.Message);
        }
        catch (JsonException e)
        {
            Report((e.Path ?? "").TrimStart('$', '.'), "the value is out of range");
        }
    }

    /// <summary>Null when there are problems.</summary>
    public T? Value { get; }

    public IReadOnlyList<ConfigProblem> Problems => _problems;

    /// <summary>Paths of members that nothing reads.</summary>
    public IReadOnlyList<string> Unknown => _unknown;

    /// <summary>A problem that a validator found at <paramref name="path"/>.</summary>
    public ConfigProblem ProblemAt(string path, string text) => new(path, _lines.At(path), text);

    private void Check(JsonNode node, JsonTypeInfo type, string path)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when node is JsonObject map:
                CheckMembers(map, type, path);
                break;
            case JsonTypeInfoKind.Dictionary when node is JsonObject map:
                CheckEntries(map, type, path);
                break;
            case JsonTypeInfoKind.Enumerable when node is JsonArray list:
                CheckItems(list, type, path);
                break;
            case JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary:
                Report(path, $"must be a map of members, and is {Describe(node)}");
                break;
            case JsonTypeInfoKind.Enumerable:
                Report(path, $"must be a list, and is {Describe(node)}");
                break;
            default:
                CheckScalar(node, Nullable.GetUnderlyingType(type.Type) ?? type.Type, path);
                break;
        }
    }

    private void CheckMembers(JsonObject map, JsonTypeInfo type, string path)
    {
        foreach (var (name, value) in map.ToArray())
        {
            var child = path.Length == 0 ? name : $"{path}.{name}";
            if (value is null)
            {
                map.Remove(name);
            }
            else if (type.Properties.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase)) is { } member)
            {
                Check(value, type.Options.GetTypeInfo(member.PropertyType), child);
            }
            else
            {
                _unknown.Add(child);
            }
        }
    }

    private void CheckEntries(JsonObject map, JsonTypeInfo type, string path)
    {
        foreach (var (name, value) in map.ToArray())
        {
            if (value is null)
            {
                map.Remove(name);
            }
            else
            {
                Check(value, type.Options.GetTypeInfo(type.ElementType!), $"{path}.{name}");
            }
        }
    }

    private void CheckItems(JsonArray list, JsonTypeInfo type, string path)
    {
        for (var i = list.Count - 1; i >= 0; i--)
        {
            if (list[i] is { } item)
            {
                Check(item, type.Options.GetTypeInfo(type.ElementType!), string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"));
            }
            else
            {
                list.RemoveAt(i);
            }
        }
    }

    private static void Overlay(JsonObject target, JsonObject source)
    {
        foreach (var (name, value) in source.ToArray())
        {
            var present = target.FirstOrDefault(m => string.Equals(m.Key, name, StringComparison.OrdinalIgnoreCase)).Key ?? name;
            if (target[present] is JsonObject inner && value is JsonObject map)
            {
                Overlay(inner, map);
            }
            else
            {
                target[present] = value?.DeepClone();
            }
        }
    }

    private void CheckScalar(JsonNode node, Type wanted, string path)
    {
        var kind = node.GetValueKind();
        if (wanted == typeof(string) && kind != JsonValueKind.String)
        {
            var quoted = kind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False
                ? $"; put it in quotes: \"{node.ToJsonString()}\""
                : "";
            Report(path, $"must be a text, and is {Describe(node)}{quoted}");
        }
        else if (wanted == typeof(bool) && kind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Report(path, $"must be true or false, and is {Describe(node)}");
        }
        else if ((wanted == typeof(int) || wanted == typeof(long)) && !IsWhole(node, kind))
        {
            Report(path, $"must be a whole number, and is {Describe(node)}");
        }
        else if (wanted == typeof(TimeSpan) && !(kind == JsonValueKind.String && GoDuration.TryParse(node.GetValue<string>(), out _)))
        {
            Report(path, $"must be a duration such as 40s, 5m or 1h30m, and is {Describe(node)}");
        }
    }

    private static bool IsWhole(JsonNode node, JsonValueKind kind) =>
        kind == JsonValueKind.Number && node.AsValue().TryGetValue<long>(out _);

    private void Report(string path, string text) => _problems.Add(ProblemAt(path, text));

    private static string Describe(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.Object => "a map",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => $"the number {node.ToJsonString()}",
        _ => node.ToJsonString(),
    };
}
