using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>The API as the fleet's administrator uses it.</summary>
/// <param name="http">Connects as the administrator; disposed of with this.</param>
internal sealed class FleetApi(HttpClient http) : IDisposable
{
    private const string Namespace = "default";

    private readonly HttpClient _http = http;

    public Task CreateConfigMapAsync(string name, string value) => SendAsync(
        HttpMethod.Post, $"/api/v1/namespaces/{Namespace}/configmaps", "application/json",
        $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"value":"{{{value}}}"}}""");

    public Task ChangeConfigMapAsync(string name, string value) => SendAsync(
        HttpMethod.Patch, $"/api/v1/namespaces/{Namespace}/configmaps/{name}", "application/merge-patch+json",
        $$$"""{"data":{"value":"{{{value}}}"}}""");

    /// <summary>A pod on the node that names these ConfigMaps, so that the node holds them.</summary>
    public Task CreatePodAsync(string name, string node, IEnumerable<string> configMaps) => SendAsync(
        HttpMethod.Post, $"/api/v1/namespaces/{Namespace}/pods", "application/json",
        new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = PodSpec([.. configMaps], "0", node),
        }.ToJsonString());

    /// <summary>A DaemonSet whose pods name the ConfigMap and carry the mark.</summary>
    public Task CreateDaemonSetAsync(string name, string configMap, string mark) => SendAsync(
        HttpMethod.Post, $"/apis/apps/v1/namespaces/{Namespace}/daemonsets", "application/json",
        new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "DaemonSet",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject
            {
                ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name } },
                ["updateStrategy"] = new JsonObject
                {
                    ["type"] = "RollingUpdate",
                    ["rollingUpdate"] = new JsonObject { ["maxUnavailable"] = "100%" },
                },
                ["template"] = Template(name, configMap, mark),
            },
        }.ToJsonString());

    public Task ChangeDaemonSetAsync(string name, string configMap, string mark) => SendAsync(
        HttpMethod.Patch, $"/apis/apps/v1/namespaces/{Namespace}/daemonsets/{name}", "application/merge-patch+json",
        new JsonObject { ["spec"] = new JsonObject { ["template"] = Template(name, configMap, mark) } }.ToJsonString());

    /// <summary>Of the DaemonSet's pods: how many carry the newest template, and how many are ready.</summary>
    public async Task<(int Updated, int Ready)> DaemonSetAsync(string name)
    {
        var status = JsonNode.Parse(await _http.GetStringAsync(Relative($"/apis/apps/v1/namespaces/{Namespace}/daemonsets/{name}")))!["status"];
        return ((int?)status?["updatedNumberScheduled"] ?? 0, (int?)status?["numberReady"] ?? 0);
    }

    /// <summary>A ConfigMap with lines of a configuration, so many bytes of them.</summary>
    public Task ChangeConfigMapAsync(string name, string value, int bytes)
    {
        var lines = new StringBuilder(bytes + 64);
        for (var i = 0; lines.Length < bytes; i++)
        {
            lines.Append(System.Globalization.CultureInfo.InvariantCulture, $"listener.{i}.address = 10.{i % 250}.0.1:{1024 + i}\\n");
        }

        return SendAsync(
            HttpMethod.Patch, $"/api/v1/namespaces/{Namespace}/configmaps/{name}", "application/merge-patch+json",
            $$$"""{"data":{"value":"{{{value}}}","lines":"{{{lines}}}"}}""");
    }

    /// <summary>Objects that connected nodes do not hold as they should.</summary>
    public async Task<double> PendingAsync() => (await _http.GetStringAsync(Relative("/metrics"))).Split('\n')
        .Where(l => l.StartsWith("edgesync_hub_pending_objects ", StringComparison.Ordinal))
        .Sum(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>How many nodes each replica of a hub has, by its name.</summary>
    public async Task<IReadOnlyDictionary<string, int>> NodesByReplicaAsync()
    {
        var nodes = JsonNode.Parse(await _http.GetStringAsync(Relative("/api/v1/nodes")))!["items"]!.AsArray();
        return nodes.CountBy(node => ((string?)node!["metadata"]!["annotations"]?["edgesync.io/session"] ?? "").Split('/')[0]).ToDictionary();
    }

    /// <summary>How often the cluster's node lifecycle controller took a node for lost.</summary>
    public async Task<int> NodesLostAsync() =>
        JsonNode.Parse(await _http.GetStringAsync(Relative("/api/v1/events?fieldSelector=reason%3DNodeNotReady")))!["items"]!.AsArray().Count;

    /// <summary>The replica that leads; empty for none.</summary>
    public async Task<string> LeaderAsync() =>
        (string?)JsonNode.Parse(await _http.GetStringAsync(Relative("/apis/coordination.k8s.io/v1/namespaces/kubeedge/leases/cloudcore")))!["spec"]?["holderIdentity"] ?? "";

    public void Dispose() => _http.Dispose();

    private static JsonObject Template(string app, string configMap, string mark) => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = app } },
        ["spec"] = PodSpec([configMap], mark, null),
    };

    private static JsonObject PodSpec(IReadOnlyList<string> configMaps, string mark, string? node)
    {
        var sources = new JsonArray([.. configMaps.Select(c => (JsonNode)new JsonObject { ["configMap"] = new JsonObject { ["name"] = c } })]);
        var spec = new JsonObject
        {
            ["terminationGracePeriodSeconds"] = 1,
            ["tolerations"] = new JsonArray(new JsonObject { ["operator"] = "Exists" }),
            ["containers"] = new JsonArray(new JsonObject
            {
                ["name"] = "main",
                ["image"] = "registry.local/app:1",
                ["env"] = new JsonArray(new JsonObject { ["name"] = "MARK", ["value"] = mark }),
                ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "settings", ["mountPath"] = "/settings" }),
            }),
            ["volumes"] = new JsonArray(new JsonObject
            {
                ["name"] = "settings",
                ["projected"] = new JsonObject { ["sources"] = sources },
            }),
        };
        if (node is not null)
        {
            spec["nodeName"] = node;
        }

        return spec;
    }

    private async Task SendAsync(HttpMethod method, string path, string type, string body)
    {
        using var request = new HttpRequestMessage(method, Relative(path)) { Content = new StringContent(body, Encoding.UTF8) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{method} {path}: {await response.Content.ReadAsStringAsync()}");
        }
    }

    private static Uri Relative(string path) => new(path, UriKind.Relative);
}
