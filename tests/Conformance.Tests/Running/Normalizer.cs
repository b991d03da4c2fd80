using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>
/// Takes out of one server's answers what no two servers can have in common: uids (numbered by their first appearance,
/// so that the same one is seen to be the same), times of the run, versions, made-up names and addresses. One for each
/// case and server; values that the case saved are shown by the names that it gave them.
/// </summary>
internal sealed partial class Normalizer(Uri address, string folder)
{
    private readonly Dictionary<string, string> _uids = [];
    private readonly Dictionary<string, string> _made = [];
    private readonly Dictionary<string, string> _saved = [];

    public void Save(string name, string value) => _saved[name] = value;

    /// <summary>The answer with everything replaced; the given one stays as it is.</summary>
    public JsonNode? Normalize(JsonNode? node)
    {
        LearnNames(node);
        return Replace(node, "");
    }

    /// <summary>
    /// Some fields of each object of a list (or of the one object), one row for each, in an order that follows from what they show: made-up
    /// names and times are the same word in all of them. Hashes of templates are too, but for those that the case has saved.
    /// </summary>
    /// <param name="answer">The answer.</param>
    /// <param name="fields">Paths in an object, separated by commas.</param>
    /// <param name="distinct">Whether rows that are alike are shown once.</param>
    public JsonNode Rows(JsonObject answer, string fields, bool distinct)
    {
        if (answer["body"] is not JsonObject body || (int?)answer["status"] is not 200)
        {
            return Normalize(answer)!;
        }

        var paths = fields.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var rows = (body["items"] as JsonArray ?? [body.DeepClone()]).Select(item =>
        {
            var row = new JsonObject();
            foreach (var path in paths)
            {
                if (AnswerPath.Find(item, path) is { } found)
                {
                    row[path] = Row(found);
                }
            }

            return row;
        });
        var shown = new JsonObject { ["rows"] = new JsonArray([.. Sorted(rows, distinct)]) };
        if (answer["failed"] is { } failed)
        {
            shown["failed"] = failed.DeepClone();
        }

        return shown;
    }

    private static IEnumerable<JsonNode> Sorted(IEnumerable<JsonObject> rows, bool distinct) =>
        (distinct ? rows.DistinctBy(row => row.ToJsonString()) : rows).OrderBy(row => row.ToJsonString(), StringComparer.Ordinal);

    private JsonNode? Row(JsonNode? node) => node switch
    {
        // conditions have no order of their own
        JsonArray items when items.All(item => (item as JsonObject)?["type"] is not null) => new JsonArray([.. items.OrderBy(item => item!["type"]!.ToString(), StringComparer.Ordinal).Select(Row)]),
        JsonArray items => new JsonArray([.. items.Select(Row)]),
        JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(RowText(m.Key), Row(m.Value)))),
        JsonValue value when value.TryGetValue<string>(out var text) => RowText(text),
        _ => node?.DeepClone(),
    };

    private string RowText(string text)
    {
        foreach (var (name, value) in _saved)
        {
            if (value.Length > 0)
            {
                text = Regex.Replace(text, $@"(?<![\w]){Regex.Escape(value)}(?![\w])", $"<{name}>");
            }
        }

        text = UidRegex().Replace(text, "<uid>");
        text = TimeRegex().Replace(text, m => IsOfThisRun(m.Value) ? "<time>" : m.Value);
        return MadeRegex().Replace(HashRegex().Replace(text, "<hash>"), "-<made>");
    }

    private void LearnNames(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                if (Text(members["generateName"]) is { Length: > 0 } prefix && Text(members["name"]) is { } name
                    && name.StartsWith(prefix, StringComparison.Ordinal) && name.Length == prefix.Length + 5)
                {
                    _made.TryAdd(name, $"{prefix}<made-{_made.Count + 1}>");
                }

                foreach (var (_, value) in members)
                {
                    LearnNames(value);
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    LearnNames(item);
                }

                break;
        }
    }

    private JsonNode? Replace(JsonNode? node, string key)
    {
        switch (node)
        {
            case JsonObject members:
                var replaced = new JsonObject();
                foreach (var (name, value) in members)
                {
                    replaced[Words(name, key)] = Replace(value, name);
                }

                return replaced;
            case JsonArray items when key == "managedFields":
                // they stand in the order of their times, to the second: by chance, where two writes are close
                return new JsonArray([.. items.OrderBy(ManagerOf, StringComparer.Ordinal).Select(i => Replace(i, key))]);
            case JsonArray items:
                return new JsonArray([.. items.Select(i => Replace(i, key))]);
            case JsonValue value when value.TryGetValue<string>(out var text):
                return Replace(text, key);
            case JsonValue when key is "nodePort" or "healthCheckNodePort":
                return "<port>";
            default:
                return node?.DeepClone();
        }
    }

    private static string ManagerOf(JsonNode? entry) =>
        entry is JsonObject members ? $"{Text(members["manager"])} {Text(members["operation"])} {Text(members["apiVersion"])} {Text(members["subresource"])}" : "";

    private string Replace(string text, string key)
    {
        switch (key)
        {
            case "resourceVersion" when text is not ("" or "0") && text.All(char.IsAsciiDigit):
                return "<version>";
            case "continue" when text.Length > 0:
                return "<continue>";
            case "clusterIP" or "clusterIPs" when ServiceAddressRegex().IsMatch(text):
                return "<address>";
            case "output" or "error":
                return Output(text);
            case "cells" when AgeRegex().IsMatch(text):
                return "<age>";
            default:
                return Words(text, key);
        }
    }

    /// <summary>What a program printed: also its columns' widths are taken out.</summary>
    private string Output(string text)
    {
        var lines = Words(text, "message").Split('\n').Select(l => BlanksRegex().Replace(l.TrimEnd(), "  "));
        return AgeInTextRegex().Replace(string.Join('\n', lines), "<age>");
    }

    private string Words(string text, string key)
    {
        foreach (var (name, value) in _saved)
        {
            // a short number may stand anywhere by chance: it is looked for in sentences only
            if (value.Length > 0 && (key == "message" || !value.All(char.IsAsciiDigit)))
            {
                text = Regex.Replace(text, $@"(?<![\w]){Regex.Escape(value)}(?![\w])", $"<{name}>");
            }
        }

        foreach (var (name, shown) in _made)
        {
            text = text.Replace(name, shown, StringComparison.Ordinal);
        }

        text = UidRegex().Replace(text, m => Uid(m.Value));
        text = TimeRegex().Replace(text, m => IsOfThisRun(m.Value) ? (m.Value.Contains('.', StringComparison.Ordinal) ? "<micro-time>" : "<time>") : m.Value);
        text = text.Replace($"{address.Host}:{address.Port}", "<server>", StringComparison.Ordinal).Replace(folder, "<folder>", StringComparison.Ordinal);
        return key == "message" ? VersionInTextRegex().Replace(text, "$1<version>") : text;
    }

    private string Uid(string uid)
    {
        if (!_uids.TryGetValue(uid, out var shown))
        {
            _uids[uid] = shown = string.Create(CultureInfo.InvariantCulture, $"<uid-{_uids.Count + 1}>");
        }

        return shown;
    }

    // a time that the case itself gave is compared as it is
    private static bool IsOfThisRun(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
        && (time - DateTimeOffset.UtcNow).Duration() < TimeSpan.FromDays(2);

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    [GeneratedRegex(@"(?<![\w])[bcdfghjklmnpqrstvwxz2456789]{8,10}(?![\w])")]
    private static partial Regex HashRegex();

    [GeneratedRegex(@"-[bcdfghjklmnpqrstvwxz2456789]{5}(?![\w-])")]
    private static partial Regex MadeRegex();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex UidRegex();

    [GeneratedRegex(@"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")]
    private static partial Regex TimeRegex();

    [GeneratedRegex(@"((?:[rR]esource ?[vV]ersion|current|object meta): ""?|too old resource version: \S+ \()\d+")]
    private static partial Regex VersionInTextRegex();

    [GeneratedRegex(@"^10\.\d+\.\d+\.\d+$")]
    private static partial Regex ServiceAddressRegex();

    [GeneratedRegex("^[0-9]+[smhd]([0-9]+[smh])?$")]
    private static partial Regex AgeRegex();

    [GeneratedRegex("(?<=  |ago|^)[0-9]+[smh]([0-9]+[sm])?(?=  |$|\n| \\()", RegexOptions.Multiline)]
    private static partial Regex AgeInTextRegex();

    [GeneratedRegex(" {2,}|\t+")]
    private static partial Regex BlanksRegex();
}
