using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.Conformance.Tests;

/// <summary>One place where the two answers are not the same.</summary>
/// <param name="Path">Where: <c>status</c>, <c>body.metadata.name</c>, <c>events[2].type</c>, <c>output</c>, …</param>
/// <param name="Ours">What EdgeSync has there, as JSON; null where it has nothing.</param>
/// <param name="Kube">What kube-apiserver has there.</param>
internal sealed record Difference(string Path, string? Ours, string? Kube)
{
    private const string Nothing = "(nothing)";

    /// <summary>Everything that differs; the order of members does not count, the order of items does.</summary>
    public static List<Difference> Between(JsonNode? ours, JsonNode? kube)
    {
        var found = new List<Difference>();
        Collect("", ours, kube, found);
        return found;
    }

    public override string ToString() => $"{Path}: {Ours ?? Nothing} != {Kube ?? Nothing}";

    /// <summary>The place below <paramref name="path"/> that a member is at.</summary>
    public static string Member(string path, string name)
    {
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '/'))
        {
            return $"{path}[\"{name}\"]";
        }

        return path.Length == 0 ? name : $"{path}.{name}";
    }

    private static void Collect(string path, JsonNode? ours, JsonNode? kube, List<Difference> found)
    {
        if (ours is JsonObject ourObject && kube is JsonObject kubeObject)
        {
            foreach (var name in ourObject.Select(m => m.Key).Union(kubeObject.Select(m => m.Key)).Order(StringComparer.Ordinal))
            {
                var place = Member(path, name);
                var have = ourObject.TryGetPropertyValue(name, out var a);
                var has = kubeObject.TryGetPropertyValue(name, out var b);
                if (have && has)
                {
                    Collect(place, a, b, found);
                }
                else
                {
                    found.Add(new Difference(place, have ? Text(a) : null, has ? Text(b) : null));
                }
            }
        }
        else if (ours is JsonArray ourList && kube is JsonArray kubeList)
        {
            for (var i = 0; i < Math.Max(ourList.Count, kubeList.Count); i++)
            {
                var place = $"{path}[{i}]";
                if (i < ourList.Count && i < kubeList.Count)
                {
                    Collect(place, ourList[i], kubeList[i], found);
                }
                else
                {
                    found.Add(new Difference(place, i < ourList.Count ? Text(ourList[i]) : null, i < kubeList.Count ? Text(kubeList[i]) : null));
                }
            }
        }
        else if (!JsonNode.DeepEquals(ours, kube))
        {
            found.Add(new Difference(path, Text(ours), Text(kube)));
        }
    }

    private static string Text(JsonNode? node) => node?.ToJsonString(Readable.Compact) ?? "null";
}

/// <summary>JSON for people: quotation marks and angle brackets as they are.</summary>
internal static class Readable
{
    public static readonly JsonSerializerOptions Compact = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true };
}
