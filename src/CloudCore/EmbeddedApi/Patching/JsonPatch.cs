using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Patching;

/// <summary>RFC 6902: a list of operations, all or none.</summary>
internal static class JsonPatch
{
    private const int MostOperations = 10_000;

    /// <summary>The document after the operations; <paramref name="target"/> is used up.</summary>
    /// <exception cref="ApiException">400 where the patch is malformed, 422 where it does not fit the document.</exception>
    public static JsonNode? Apply(JsonNode? target, JsonArray patch)
    {
        if (patch.Count > MostOperations)
        {
            throw new ApiException(
                StatusReason.RequestEntityTooLarge,
                FormattableString.Invariant($"The allowed maximum operations in a JSON patch is {MostOperations}, got {patch.Count}"));
        }

        var document = new Document(target);
        foreach (var operation in patch)
        {
            Apply(document, operation as JsonObject ?? throw ApiException.BadRequest("a JSON patch is a list of operations"));
        }

        return document.Root;
    }

    private static void Apply(Document document, JsonObject operation)
    {
        var path = Pointer(operation, "path");
        switch (operation.Text("op"))
        {
            case "add":
                document.Add(path, Value(operation));
                break;
            case "remove":
                document.Remove(path);
                break;
            case "replace":
                document.Replace(path, Value(operation));
                break;
            case "move":
                document.Add(path, document.Remove(Pointer(operation, "from")));
                break;
            case "copy":
                document.Add(path, document.Get(Pointer(operation, "from"))?.DeepClone());
                break;
            case "test":
                // what is not there is as good as null
                if (!JsonNode.DeepEquals(document.GetOrNull(path), operation["value"]))
                {
                    throw Unfit($"testing value {operation.Text("path")} failed: test failed");
                }

                break;
            default:
                throw Unfit($"unknown JSON patch operation \"{operation.Text("op")}\"");
        }
    }

    /// <summary>One that is not given is null.</summary>
    private static JsonNode? Value(JsonObject operation) => operation["value"]?.DeepClone();

    private static string[] Pointer(JsonObject operation, string member)
    {
        var text = operation.Text(member) ?? throw Unfit($"JSON patch operation \"{operation.Text("op")}\" needs {member}");
        if (text.Length == 0)
        {
            return [];
        }

        return text[0] == '/'
            ? [.. text[1..].Split('/').Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : throw Unfit($"JSON patch {member} \"{text}\" must begin with /");
    }

    private static ApiException Unfit(string why) => new(
        StatusReason.Invalid, $"the server rejected our request due to an error in our request: {why}", new StatusDetails());

    private sealed class Document(JsonNode? root)
    {
        public JsonNode? Root { get; private set; } = root;

        public JsonNode? Get(string[] path)
        {
            var node = Root;
            foreach (var step in path)
            {
                node = Step(node, step, path);
            }

            return node;
        }

        /// <summary>As <see cref="Get"/>, but the last step may lead nowhere.</summary>
        public JsonNode? GetOrNull(string[] path) =>
            path.Length > 0 && Get(path[..^1]) is JsonObject map && !map.ContainsKey(path[^1]) ? null : Get(path);

        public void Add(string[] path, JsonNode? value)
        {
            if (path.Length == 0)
            {
                Root = value;
                return;
            }

            switch (Get(path[..^1]))
            {
                case JsonObject map:
                    map[path[^1]] = value;
                    break;
                case JsonArray list:
                    list.Insert(path[^1] == "-" ? list.Count : Index(path[^1], list.Count + 1, path), value);
                    break;
                default:
                    throw Missing(path);
            }
        }

        public JsonNode? Remove(string[] path)
        {
            switch (path.Length == 0 ? null : Get(path[..^1]))
            {
                case JsonObject map when map.ContainsKey(path[^1]):
                    var member = map[path[^1]];
                    map.Remove(path[^1]);
                    return member;
                case JsonArray list:
                    var index = Index(path[^1], list.Count, path);
                    var item = list[index];
                    list.RemoveAt(index);
                    return item;
                default:
                    throw Missing(path);
            }
        }

        public void Replace(string[] path, JsonNode? value)
        {
            if (path.Length == 0)
            {
                Root = value;
                return;
            }

            switch (Get(path[..^1]))
            {
                case JsonObject map when map.ContainsKey(path[^1]):
                    map[path[^1]] = value;
                    break;
                case JsonArray list:
                    list[Index(path[^1], list.Count, path)] = value;
                    break;
                default:
                    throw Missing(path);
            }
        }

        private static JsonNode? Step(JsonNode? node, string step, string[] path) => node switch
        {
            JsonObject map when map.ContainsKey(step) => map[step],
            JsonArray list => list[Index(step, list.Count, path)],
            _ => throw Missing(path),
        };

        /// <summary>A negative index counts from the end, which RFC 6902 does not know and Kubernetes does.</summary>
        private static int Index(string text, int count, string[] path) =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index) && index < count && index >= -count
                ? index < 0 ? index + count : index
                : throw Missing(path);

        private static ApiException Missing(string[] path) => Unfit($"the path /{string.Join('/', path)} is not in the document");
    }
}
