using System.Buffers;
using System.Globalization;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// <c>metrics.k8s.io/v1beta1</c> at the embedded API, for <c>kubectl top</c>: answered from what the nodes say at that moment. Nodes that are
/// away have no figures, and neither have their pods.
/// </summary>
internal sealed class MetricsApi(NodeFigures figures)
{
    private const string Window = "10s";

    /// <summary>Serves get and list of a caller who has been let in.</summary>
    public async Task HandleAsync(ApiRequest request, StoreState state)
    {
        if (request.Context.Request.Method is not ("GET" or "HEAD") || request.QueryIsTrue("watch"))
        {
            throw ApiException.MethodNotAllowed();
        }

        var about = state.Of(request.Resource.Plural).Values.Where(ObjectReads.FilterOf(request).Matches).ToArray();
        Action<Utf8JsonWriter>[] items = request.Resource.Kind == "NodeMetrics"
            ? await NodesAsync(about, request.Aborted)
            : await PodsAsync(about, request.Aborted);
        if (request.Path.Name.Length > 0 && items.Length == 0)
        {
            throw ApiException.NotFound(request.Resource, request.Path.Name);
        }

        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            if (request.Path.Name.Length > 0)
            {
                WriteKind(writer, request.Resource.Kind);
                items[0](writer);
            }
            else
            {
                WriteList(writer, request.Resource.Kind, items);
            }

            writer.WriteEndObject();
        }

        await request.RespondAsync(StatusCodes.Status200OK, buffer.WrittenMemory);
    }

    private async Task<Action<Utf8JsonWriter>[]> NodesAsync(IReadOnlyList<StoredObject> nodes, CancellationToken cancellationToken)
    {
        var found = await figures.OfAsync(nodes.Select(n => n.Key.Name), cancellationToken);
        return
        [
            .. nodes.Where(n => found.ContainsKey(n.Key.Name)).Select(n => (Action<Utf8JsonWriter>)(writer =>
            {
                var summary = found[n.Key.Name];
                WriteHead(writer, n.Key, summary.At);
                WriteUsage(writer, summary.Node);
            })),
        ];
    }

    private async Task<Action<Utf8JsonWriter>[]> PodsAsync(IReadOnlyList<StoredObject> pods, CancellationToken cancellationToken)
    {
        var placed = pods
            .Select(p => (p.Key, Node: JsonSerializer.Deserialize(p.Json, KubernetesJson.Default.Pod)?.Spec?.NodeName ?? ""))
            .Where(p => p.Node.Length > 0)
            .ToArray();
        var found = await figures.OfAsync(placed.Select(p => p.Node), cancellationToken);
        var items = new List<Action<Utf8JsonWriter>>();
        foreach (var (key, node) in placed)
        {
            if (found.GetValueOrDefault(node) is { } summary
                && summary.Pods.FirstOrDefault(p => p.Namespace == key.Namespace && p.Name == key.Name) is { } usage)
            {
                items.Add(writer => WritePod(writer, key, summary.At, usage));
            }
        }

        return [.. items];
    }

    private static void WriteList(Utf8JsonWriter writer, string kind, IEnumerable<Action<Utf8JsonWriter>> items)
    {
        WriteKind(writer, kind + "List");
        writer.WriteStartObject("metadata"u8);
        writer.WriteEndObject();
        writer.WriteStartArray("items"u8);
        foreach (var item in items)
        {
            writer.WriteStartObject();
            item(writer);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteKind(Utf8JsonWriter writer, string kind)
    {
        writer.WriteString("kind"u8, kind);
        writer.WriteString("apiVersion"u8, "metrics.k8s.io/v1beta1"u8);
    }

    private static void WritePod(Utf8JsonWriter writer, NamespacedName key, DateTimeOffset at, PodUsage usage)
    {
        WriteHead(writer, key, at);
        writer.WriteStartArray("containers"u8);
        foreach (var (name, used) in usage.Containers)
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, name);
            WriteUsage(writer, used);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteHead(Utf8JsonWriter writer, NamespacedName key, DateTimeOffset at)
    {
        writer.WriteStartObject("metadata"u8);
        writer.WriteString("name"u8, key.Name);
        if (key.Namespace.Length > 0)
        {
            writer.WriteString("namespace"u8, key.Namespace);
        }

        writer.WriteString("creationTimestamp"u8, KubeTime.Format(at));
        writer.WriteEndObject();
        writer.WriteString("timestamp"u8, KubeTime.Format(at));
        writer.WriteString("window"u8, Window);
    }

    private static void WriteUsage(Utf8JsonWriter writer, Usage usage)
    {
        writer.WriteStartObject("usage"u8);
        writer.WriteString("cpu"u8, string.Create(CultureInfo.InvariantCulture, $"{usage.CpuNanoCores}n"));
        writer.WriteString("memory"u8, string.Create(CultureInfo.InvariantCulture, $"{usage.MemoryBytes / 1024}Ki"));
        writer.WriteEndObject();
    }
}
