using System.Collections.Concurrent;
using System.Text.Json;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>What a container, or a node, uses.</summary>
/// <param name="CpuNanoCores">Billionths of a processor.</param>
/// <param name="MemoryBytes">The working set.</param>
internal readonly record struct Usage(long CpuNanoCores, long MemoryBytes);

/// <summary>What one pod's containers use, by the container's name.</summary>
internal sealed record PodUsage(string Namespace, string Name, IReadOnlyList<(string Name, Usage Usage)> Containers);

/// <summary>A node's answer.</summary>
/// <param name="At">When the hub had it.</param>
/// <param name="Node">The node as a whole.</param>
/// <param name="Pods">Its pods.</param>
internal sealed record NodeSummary(DateTimeOffset At, Usage Node, IReadOnlyList<PodUsage> Pods);

/// <summary>
/// Asks nodes what they use, when somebody wants to know and at no other time, through their tunnels. An answer is good for 15 s; nothing is
/// stored.
/// </summary>
internal sealed partial class NodeFigures(KubeletClient kubelets, TimeProvider time, ILogger<NodeFigures> logger)
{
    private const int AtOnce = 32;
    private const int MaxAnswerBytes = 4 << 20;
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, NodeSummary> _known = new(StringComparer.Ordinal);

    /// <summary>The figures of these nodes; those that give none are left out.</summary>
    public async Task<IReadOnlyDictionary<string, NodeSummary>> OfAsync(IEnumerable<string> nodes, CancellationToken cancellationToken)
    {
        var found = new ConcurrentDictionary<string, NodeSummary>(StringComparer.Ordinal);
        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(nodes.Distinct(StringComparer.Ordinal), options, async (node, token) =>
        {
            if (await OfAsync(node, token) is { } summary)
            {
                found[node] = summary;
            }
        });
        return found;
    }

    private async Task<NodeSummary?> OfAsync(string node, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(node, out var known) && time.GetUtcNow() - known.At < s_fresh)
        {
            return known;
        }

        _known.TryRemove(node, out _);
        using var deadline = new CancellationTokenSource(s_patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            await using var answer = await kubelets.GetAsync(node, "/stats/summary", "", either.Token);
            if (answer.Status != StatusCodes.Status200OK)
            {
                LogNone(node, $"it answered {answer.Status}: {await answer.ErrorTextAsync(either.Token)}");
                return null;
            }

            return _known[node] = Read(await BodyAsync(answer.Body, either.Token), time.GetUtcNow());
        }
        catch (Exception e) when (e is NodeUnreachableException or IOException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            LogNone(node, e.Message);
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            LogNone(node, $"no answer within {s_patience.TotalSeconds:0} s");
            return null;
        }
    }

    private static async Task<byte[]> BodyAsync(Stream body, CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (all.Length + read > MaxAnswerBytes)
            {
                throw new IOException($"an answer of more than {MaxAnswerBytes} bytes");
            }

            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }

    /// <summary>A kubelet's Summary document; what is missing there counts as nothing.</summary>
    private static NodeSummary Read(byte[] json, DateTimeOffset now)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var pods = new List<PodUsage>();
        foreach (var pod in Array(root, "pods"))
        {
            var reference = pod.GetProperty("podRef");
            pods.Add(new PodUsage(
                reference.GetProperty("namespace").GetString() ?? "", reference.GetProperty("name").GetString() ?? "",
                [.. Array(pod, "containers").Select(c => (c.GetProperty("name").GetString() ?? "", Usage(c)))]));
        }

        return new NodeSummary(now, Usage(root.GetProperty("node")), pods);
    }

    private static JsonElement.ArrayEnumerator Array(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var array) && array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : default;

    private static Usage Usage(JsonElement owner) => new(Number(owner, "cpu", "usageNanoCores"), Number(owner, "memory", "workingSetBytes"));

    private static long Number(JsonElement owner, string part, string name) =>
        owner.TryGetProperty(part, out var found) && found.TryGetProperty(name, out var number) && number.TryGetInt64(out var value) ? value : 0;

    [LoggerMessage(LogLevel.Debug, "Node {Node} gave no figures: {Reason}")]
    private partial void LogNone(string node, string reason);
}
