using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Protocol.Tests.Kubernetes;

/// <summary>
/// Objects made from seeds: what is read of one is what was written, however it was laid out; bytes that are none are refused as such and
/// by nothing else. A failure prints its seed and the object.
/// </summary>
public sealed class KubeObjectFuzzTests
{
    private static readonly string[] s_texts =
        ["", "a", "kube-system", "ä–€😀", "\"quoted\"\\\n\t", "metadata", "status", "\u0000", "\u2028", "<&'+>", "1", "null", new('x', 300)];

    private static readonly string[] s_names =
        ["spec", "data", "status", "metadata", "kind", "apiVersion", "name", "namespace", "uid", "resourceVersion", "generation", "managedFields", "nodeName", "", "a.b/c", "ä", "\""];

    private static readonly string[] s_numbers =
        ["0", "-0", "1", "-1", "9223372036854775807", "99999999999999999999999", "0.1", "1e400", "-1E-400", "1.0000000000000000000001"];

    private static readonly string[] s_pieces =
        ["{", "}", "[", "]", ",", ":", "\"", "null", "\\u0000", "\\ud800", "\"metadata\":", "\"name\":", "{\"metadata\":{\"name\":", "1e9999", "\xFF", " ", "//", "\"\":"];

    [Theory]
    [InlineData(1, 2_000)]
    public void Random_objects_are_read_as_they_were_written(int seed, int objects) => RoundTrips(seed, objects);

    [Theory]
    [Trait("Category", "Long")]
    [InlineData(100, 200_000)]
    [InlineData(200, 200_000)]
    public void Many_random_objects_are_read_as_they_were_written(int seed, int objects) => RoundTrips(seed, objects);

    [Theory]
    [InlineData(1, 10_000)]
    public void Random_bytes_are_an_object_or_refused_as_none(int seed, int attempts) => Hostile(seed, attempts);

    [Theory]
    [Trait("Category", "Long")]
    [InlineData(100, 1_000_000)]
    [InlineData(200, 1_000_000)]
    public void Many_random_bytes_are_an_object_or_refused_as_none(int seed, int attempts) => Hostile(seed, attempts);

    private static void RoundTrips(int seed, int objects)
    {
        var random = new Random(seed);
        for (var i = 0; i < objects; i++)
        {
            var tree = MakeObject(random);
            var text = tree.ToJsonString();
            try
            {
                RoundTrip(random, tree, text);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, object {i}: {e.Message}\n{text}");
            }
        }
    }

    private static void RoundTrip(Random random, JsonObject tree, string text)
    {
        var read = Parse(text);
        Assert.Equal(Header(tree), Header(read));

        // written again from the bytes that it keeps, and laid out otherwise
        var again = JsonNode.Parse(read.Json.Span)!.AsObject();
        var second = Parse(again.ToJsonString());
        Assert.Equal((Header(read), read.ContentHash), (Header(second), second.ContentHash));
        var spread = Parse(Spread(random, text));
        Assert.Equal((Header(read), read.ContentHash), (Header(spread), spread.ContentHash));
        Assert.Equal((tree["spec"] as JsonObject)?["nodeName"] is JsonValue node && node.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null, read.Text("spec"u8, "nodeName"u8));

        // what a server or a node writes by itself is no content; anything else is
        again["status"] = Value(random, 2);
        var metadata = again["metadata"]!.AsObject();
        metadata["resourceVersion"] = "8";
        metadata["generation"] = 5;
        metadata["managedFields"] = new JsonArray(Value(random, 2));
        Assert.Equal(read.ContentHash, Parse(again.ToJsonString()).ContentHash);
        again["added"] = 1;
        Assert.NotEqual(read.ContentHash, Parse(again.ToJsonString()).ContentHash);
        Assert.NotEqual(0, read.WithWholeHash().Json.Length);
    }

    private static void Hostile(int seed, int attempts)
    {
        var random = new Random(seed);
        var refused = 0;
        var bytes = Encoding.UTF8.GetBytes(MakeObject(random).ToJsonString());
        for (var i = 0; i < attempts; i++)
        {
            if (i % 50 == 0)
            {
                bytes = Encoding.UTF8.GetBytes(MakeObject(random).ToJsonString());
            }

            var broken = Break(random, bytes);
            try
            {
                var read = KubeObject.Parse(broken);
                _ = read.ContentHash;
                _ = read.Text("spec"u8, "nodeName"u8);
                _ = read.View(KubernetesJson.Default.Pod);
            }
            catch (KubeObjectException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, attempt {i}: {e}\n{Encoding.Latin1.GetString(broken)}\n{Convert.ToBase64String(broken)}");
            }
        }

        Assert.InRange(refused, attempts / 20, attempts - 1);
    }

    private static (string, string, string, string, string, string, bool) Header(KubeObject read) =>
        (read.ApiVersion, read.Kind, read.Namespace, read.Name, read.Uid, read.ResourceVersion, read.IsDeleting);

    private static (string, string, string, string, string, string, bool) Header(JsonObject tree)
    {
        var metadata = tree["metadata"]!.AsObject();
        return (Text(tree, "apiVersion"), Text(tree, "kind"), Text(metadata, "namespace"), Text(metadata, "name"), Text(metadata, "uid"),
            Text(metadata, "resourceVersion"), Text(metadata, "deletionTimestamp").Length > 0);
    }

    private static string Text(JsonObject owner, string name) => owner[name]?.GetValue<string>() ?? "";

    private static KubeObject Parse(string text) => KubeObject.Parse(Encoding.UTF8.GetBytes(text));

    private static JsonObject MakeObject(Random random)
    {
        var metadata = Members(random, 3);
        foreach (var name in (string[])["name", "namespace", "uid", "resourceVersion", "deletionTimestamp"])
        {
            metadata.Remove(name);
            if (random.Next(3) > 0)
            {
                metadata.Add(name, random.Next(8) == 0 ? null : JsonValue.Create(Pick(random, s_texts)));
            }
        }

        var tree = new JsonObject();
        var parts = new List<(string Name, JsonNode? Value)>
        {
            ("kind", JsonValue.Create(Pick(random, s_texts))),
            ("apiVersion", random.Next(8) == 0 ? null : JsonValue.Create(Pick(random, s_texts))),
            ("metadata", metadata),
        };
        parts.AddRange(Members(random, 4).Where(m => m.Key is not ("kind" or "apiVersion" or "metadata")).Select(m => (m.Key, m.Value?.DeepClone())));
        foreach (var (name, value) in parts.OrderBy(_ => random.Next()))
        {
            tree.Add(name, value);
        }

        return tree;
    }

    private static JsonObject Members(Random random, int depth)
    {
        var made = new JsonObject();
        for (var i = random.Next(6); i > 0; i--)
        {
            made[Pick(random, s_names)] = Value(random, depth - 1);
        }

        return made;
    }

    private static JsonNode? Value(Random random, int depth)
    {
        switch (random.Next(depth > 0 ? 7 : 5))
        {
            case 0:
                return null;
            case 1:
                return JsonValue.Create(random.Next(2) == 0);
            case 2:
                return JsonNode.Parse(Pick(random, s_numbers));
            case 3 or 4:
                return JsonValue.Create(Pick(random, s_texts));
            case 5:
                return Members(random, depth);
            default:
                var list = new JsonArray();
                for (var i = random.Next(4); i > 0; i--)
                {
                    list.Add(Value(random, depth - 1));
                }

                return list;
        }
    }

    /// <summary>The same tokens with blanks between them.</summary>
    private static string Spread(Random random, string json)
    {
        var spread = new StringBuilder();
        var inText = false;
        for (var i = 0; i < json.Length; i++)
        {
            var c = json[i];
            if (!inText && c is '{' or '}' or '[' or ']' or ',' or ':' && !inText)
            {
                spread.Append(Pick(random, ["", " ", "\n", "\r\n\t"])).Append(c).Append(Pick(random, ["", " ", "\n"]));
                continue;
            }

            spread.Append(c);
            if (c == '\\')
            {
                spread.Append(json[++i]);
            }
            else if (c == '"')
            {
                inText = !inText;
            }
        }

        return spread.ToString();
    }

    /// <summary>A few bytes changed, taken out, put in, or the end cut off; now and then nested without end.</summary>
    private static byte[] Break(Random random, byte[] bytes)
    {
        if (random.Next(500) == 0)
        {
            return Encoding.ASCII.GetBytes("{\"metadata\":" + string.Concat(Enumerable.Repeat(Pick(random, ["[", "{\"a\":"]), random.Next(10_000))));
        }

        var broken = new List<byte>(bytes);
        for (var i = random.Next(1, 4); i > 0 && broken.Count > 0; i--)
        {
            var at = random.Next(broken.Count);
            switch (random.Next(4))
            {
                case 0:
                    broken[at] = (byte)random.Next(256);
                    break;
                case 1:
                    broken.RemoveRange(at, Math.Min(random.Next(1, 20), broken.Count - at));
                    break;
                case 2:
                    broken.InsertRange(at, Encoding.Latin1.GetBytes(Pick(random, s_pieces)));
                    break;
                default:
                    broken.RemoveRange(at, broken.Count - at);
                    break;
            }
        }

        return [.. broken];
    }

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];
}
