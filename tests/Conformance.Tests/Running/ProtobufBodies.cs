using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>
/// Takes what the cases create, lets kube-apiserver write it in protobuf, and compares what EdgeSync reads from that with what it reads
/// from the same object in JSON. Nothing is stored: all of it are dry runs.
/// </summary>
internal sealed partial class ProtobufBodies(ApiServer ours, ApiServer kube)
{
    private const string Json = "application/json";
    private const string Protobuf = "application/vnd.kubernetes.protobuf";
    private const string Namespace = "protobuf";
    private const int MostChoices = 10;

    private readonly HashSet<string> _kinds = [];

    /// <summary>The resources of which at least one object has been compared.</summary>
    public IReadOnlySet<string> Kinds => _kinds;

    /// <summary>How many objects have been compared.</summary>
    public int Compared { get; private set; }

    /// <summary>What differs, in words.</summary>
    public List<string> Problems { get; } = [];

    public async Task CompareAllAsync()
    {
        foreach (var server in (ApiServer[])[ours, kube])
        {
            await PostAsync(server, "/api/v1/namespaces", Json, Json, Encoding.UTF8.GetBytes("{\"metadata\":{\"name\":\"" + Namespace + "\"}}"), dryRun: false);
        }

        foreach (var name in CaseFile.Names)
        {
            foreach (var step in CaseFile.Load(name).Steps.Where(IsCreate))
            {
                await CompareAsync(step.Action["POST ".Length..], step.Body, $"{name}, {step.Name}");
            }
        }
    }

    private static bool IsCreate(CaseStep step) =>
        step.Action.StartsWith("POST /api", StringComparison.Ordinal) && !step.Action.Contains('?', StringComparison.Ordinal)
        && step.Headers.Count == 0 && step.Directives.Count == 0 && step.Body.Length is > 0 and < 100_000;

    private async Task CompareAsync(string path, string body, string what)
    {
        // what kube-apiserver has chosen may be another's here: it chooses again then
        for (var attempt = 1; !await IsComparedAsync(path, body, what, isLast: attempt == MostChoices); attempt++)
        {
        }
    }

    /// <summary>False where an address or port that kube-apiserver has chosen is taken here, so that nothing could be compared.</summary>
    private async Task<bool> IsComparedAsync(string path, string body, string what, bool isLast)
    {
        path = Fill(path);
        var text = Encoding.UTF8.GetBytes(Fill(body));
        var type = text[0] is (byte)'{' or (byte)'[' ? Json : "application/yaml";
        var (written, asJson) = await PostAsync(kube, path, type, Json, text, dryRun: true);
        if (written != HttpStatusCode.Created)
        {
            return true;
        }

        var (also, asProtobuf) = await PostAsync(kube, path, type, Protobuf, text, dryRun: true);
        if (also != HttpStatusCode.Created || !asProtobuf.AsSpan().StartsWith("k8s\0"u8))
        {
            // objects of definitions have no such form
            return true;
        }

        var (codeOfJson, fromJson) = await PostAsync(ours, path, Json, Json, asJson, dryRun: true);
        var (codeOfProtobuf, fromProtobuf) = await PostAsync(ours, path, Protobuf, Json, asProtobuf, dryRun: true);
        if (!isLast && (IsTaken(fromJson) || IsTaken(fromProtobuf)))
        {
            return false;
        }

        _kinds.Add(path.Replace($"/namespaces/{Namespace}", "", StringComparison.Ordinal));
        Compared++;
        var (left, right) = (Content(fromProtobuf), Content(fromJson));
        if (codeOfJson != codeOfProtobuf || !JsonNode.DeepEquals(left, right))
        {
            Problems.Add($"{what}: POST {path}\n  from protobuf: {(int)codeOfProtobuf} {left?.ToJsonString()}\n  from JSON:     {(int)codeOfJson} {right?.ToJsonString()}");
        }

        return true;
    }

    private static bool IsTaken(byte[] answer) => Encoding.UTF8.GetString(answer).Contains("already allocated", StringComparison.Ordinal);

    /// <summary>The answer without what is made anew for each request.</summary>
    private static JsonNode? Content(byte[] answer)
    {
        var node = JsonNode.Parse(MadeRegex().Replace(Encoding.UTF8.GetString(answer), "<made>"));
        if (node?["metadata"] is JsonObject metadata)
        {
            metadata.Remove("creationTimestamp");
            metadata.Remove("managedFields");
            if (metadata["generateName"] is not null)
            {
                metadata.Remove("name");
            }
        }

        if (node?["kind"]?.ToString() == "Service" && node["spec"] is JsonObject spec)
        {
            // addresses and ports are chosen by chance
            spec.Remove("clusterIP");
            spec.Remove("clusterIPs");
            foreach (var port in spec["ports"] as JsonArray ?? [])
            {
                (port as JsonObject)?.Remove("nodePort");
            }
        }

        return node;
    }

    /// <summary>Uids, and the names of the volumes that admission adds.</summary>
    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|kube-api-access-[a-z0-9]{5}")]
    private static partial Regex MadeRegex();

    private static async Task<(HttpStatusCode Code, byte[] Body)> PostAsync(
        ApiServer server, string path, string type, string accept, byte[] body, bool dryRun)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path + (dryRun ? "?dryRun=All" : ""), UriKind.Relative)) { Content = content };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await server.Client("").SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsByteArrayAsync());
    }

    private static string Fill(string text) =>
        text.Replace("{ns}", Namespace, StringComparison.Ordinal).Replace("{u}", "protobuf", StringComparison.Ordinal);
}
