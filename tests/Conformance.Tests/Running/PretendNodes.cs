using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Configuration;
using EdgeSync.TestKit;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>
/// The nodes of a workload case on one server, and the kubelet that it pretends there is: no container runs, only what a kubelet would
/// write is written, the same on both servers. The steps that it does:
/// <list type="bullet">
/// <item><c>NODE a b</c>: makes the ready nodes CASE-a, CASE-b with the labels <c>case</c> and <c>kubernetes.io/hostname</c>; a body is laid over them.</item>
/// <item><c>KUBELET once [SELECTOR]</c>: reports the pods that are there now; <c>KUBELET finish [SELECTOR]</c>: ends those that were asked to go.</item>
/// <item><c>KUBELET on</c>, <c>KUBELET off</c>: does both again and again.</item>
/// </list>
/// What a pod comes to stands in its annotation <c>pretend</c>: <c>run</c> (the default), <c>unready</c>, <c>fail</c>, <c>succeed</c> or
/// <c>wait</c> (not reported at all).
/// </summary>
internal sealed class PretendNodes(HttpClient client, string ns, string unique) : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(150);

    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(10);

    private readonly List<string> _nodes = [];

    // nodes that say that they live, as long as the case runs
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _ready = new();
    private readonly CancellationTokenSource _end = new();
    private Task _beating = Task.CompletedTask;
    private CancellationTokenSource? _stop;
    private Task _running = Task.CompletedTask;

    private string Pods => $"/api/v1/namespaces/{ns}/pods";

    /// <summary>Does the step, if it is one of these; null where it is not.</summary>
    public async Task<JsonObject?> TryDoAsync(string action, string body)
    {
        var words = action.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words)
        {
            case ["NODE", .. var names]:
                foreach (var name in names)
                {
                    await MakeNodeAsync(name, body);
                }

                break;
            case ["KUBELET", "on"]:
                _stop = new CancellationTokenSource();
                _running = RunAsync(_stop.Token);
                break;
            case ["KUBELET", "off"]:
                await StopAsync();
                break;
            case ["KUBELET", "once" or "finish", .. var selector]:
                await PassAsync(report: words[1] == "once", finish: words[1] == "finish", selector is [var labels] ? labels : "", CancellationToken.None);
                break;
            case ["KUBELET", ..]:
                throw new FormatException($"'{action}': there are KUBELET on, off, once and finish");
            default:
                return null;
        }

        return [];
    }

    public async Task AccountIsReadyAsync() => await Eventually.HoldsAsync(
        $"pods can be made in {ns}",
        async () =>
        {
            using var response = await client.PostAsync(
                new Uri($"{Pods}?dryRun=All", UriKind.Relative),
                Json(JsonNode.Parse("""{"metadata":{"name":"probe"},"spec":{"containers":[{"name":"c","image":"i"}]}}""")!));
            return response.IsSuccessStatusCode;
        });

    public async Task RemoveAllAsync()
    {
        await StopAsync();
        await _end.CancelAsync();
        await _beating;
        await SendAsync(HttpMethod.Delete, $"/api/v1/namespaces/{ns}", null);
        foreach (var node in _nodes)
        {
            await SendAsync(HttpMethod.Delete, $"/api/v1/nodes/{node}", null);
        }

        // asked again, since a controller may make one more before it hears of the end of the namespace
        await Eventually.HoldsAsync($"{ns} has no pods", async () =>
        {
            await SendAsync(HttpMethod.Delete, $"{Pods}?gracePeriodSeconds=0", null);
            return (await ListAsync("")).Count == 0;
        });
    }

    public void Dispose()
    {
        _stop?.Cancel();
        _stop?.Dispose();
        _end.Cancel();
        _end.Dispose();
    }

    private async Task MakeNodeAsync(string name, string body)
    {
        var full = $"{unique}-{name}";
        var node = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["name"] = full,
                ["labels"] = new JsonObject { ["case"] = unique, ["kubernetes.io/hostname"] = full, ["kubernetes.io/os"] = "linux" },
            },
            ["spec"] = new JsonObject(),
            ["status"] = new JsonObject
            {
                ["capacity"] = Resources(),
                ["allocatable"] = Resources(),
                ["conditions"] = new JsonArray(new JsonObject
                {
                    ["type"] = "Ready",
                    ["status"] = "True",
                    ["reason"] = "KubeletReady",
                    ["lastHeartbeatTime"] = Now(),
                    ["lastTransitionTime"] = Now(),
                }),
            },
        };
        if (body.Length > 0)
        {
            Lay(YamlToJson.ReadOne(body)!.AsObject(), node);
        }

        _nodes.Add(full);
        var (status, answer) = await SendAsync(HttpMethod.Post, "/api/v1/nodes", node);
        if (status != HttpStatusCode.Created)
        {
            throw new InvalidOperationException($"node {full}: {answer}");
        }

        // kube-apiserver gives each new node this taint, and the controller manager takes it off those that are ready
        if (node["status"]!["conditions"]![0]!["status"]!.ToString() == "True")
        {
            _ready[full] = true;
            _beating = _beating.IsCompleted ? BeatAsync(_end.Token) : _beating;
            await Eventually.HoldsAsync($"node {full} is open", async () =>
            {
                var (_, now) = await SendAsync(HttpMethod.Get, $"/api/v1/nodes/{full}", null);
                return now?["spec"]?["taints"] is not JsonArray taints || !taints.Any(t => t!["key"]!.ToString() == "node.kubernetes.io/not-ready");
            });
        }
    }

    private static JsonObject Resources() => new() { ["cpu"] = "4", ["memory"] = "8Gi", ["pods"] = "110", ["ephemeral-storage"] = "10Gi" };

    private static void Lay(JsonObject over, JsonObject under)
    {
        foreach (var (name, value) in over)
        {
            if (value is JsonObject inner && under[name] is JsonObject below)
            {
                Lay(inner, below);
            }
            else
            {
                under[name] = value?.DeepClone();
            }
        }
    }

    private async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await PassAsync(report: true, finish: true, "", ct);
                await Task.Delay(s_period, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                // switched off
            }
        }
    }

    private async Task BeatAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(s_heartbeat, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var node in ct.IsCancellationRequested ? [] : _ready.Keys)
            {
                var condition = new JsonObject { ["type"] = "Ready", ["status"] = "True", ["lastHeartbeatTime"] = Now() };
                await SendAsync(
                    HttpMethod.Patch, $"/api/v1/nodes/{node}/status",
                    new JsonObject { ["status"] = new JsonObject { ["conditions"] = new JsonArray(condition) } });
            }
        }
    }

    private async Task StopAsync()
    {
        if (_stop is not null)
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
            _stop = null;
        }
    }

    private async Task PassAsync(bool report, bool finish, string selector, CancellationToken ct)
    {
        foreach (var pod in await ListAsync(selector))
        {
            ct.ThrowIfCancellationRequested();
            if (pod?["spec"]?["nodeName"]?.ToString() is not { } node || !_nodes.Contains(node))
            {
                continue;
            }

            var path = $"{Pods}/{pod["metadata"]!["name"]}";
            if (pod["metadata"]!["deletionTimestamp"] is not null)
            {
                if (finish)
                {
                    await SendAsync(HttpMethod.Delete, $"{path}?gracePeriodSeconds=0", null);
                }
            }
            else if (report && Outcome(pod) is { } status)
            {
                await SendAsync(HttpMethod.Patch, $"{path}/status", new JsonObject { ["status"] = status });
            }
        }
    }

    /// <summary>What is to be reported of a pod; null where that has been.</summary>
    private static JsonObject? Outcome(JsonNode pod)
    {
        var (phase, ready) = (pod["metadata"]!["annotations"]?["pretend"]?.ToString() ?? "run") switch
        {
            "run" => ("Running", true),
            "unready" => ("Running", false),
            "fail" => ("Failed", false),
            "succeed" => ("Succeeded", false),
            "wait" => ("", false),
            var other => throw new FormatException($"the annotation pretend may be run, unready, fail, succeed or wait, not {other}"),
        };
        var before = pod["status"]!["phase"]!.ToString();
        if (phase.Length == 0 || before is "Failed" or "Succeeded" || (before == phase && IsReady(pod) == ready))
        {
            return null;
        }

        return new JsonObject
        {
            ["phase"] = phase,
            ["startTime"] = Now(),
            ["conditions"] = new JsonArray(
                new JsonObject { ["type"] = "Ready", ["status"] = ready ? "True" : "False", ["lastTransitionTime"] = Now() },
                new JsonObject { ["type"] = "PodScheduled", ["status"] = "True", ["lastTransitionTime"] = Now() }),
        };
    }

    private static bool IsReady(JsonNode pod) => pod["status"]!["conditions"] is JsonArray conditions
        && conditions.Any(c => c!["type"]!.ToString() == "Ready" && c["status"]!.ToString() == "True");

    private async Task<JsonArray> ListAsync(string selector)
    {
        var (status, answer) = await SendAsync(HttpMethod.Get, $"{Pods}?labelSelector={Uri.EscapeDataString(selector)}", null);
        return status == HttpStatusCode.OK && answer?["items"] is JsonArray items ? items : [];
    }

    private async Task<(HttpStatusCode Status, JsonNode? Answer)> SendAsync(HttpMethod method, string path, JsonObject? body)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = Json(body);
            if (method == HttpMethod.Patch)
            {
                request.Content.Headers.ContentType = new("application/strategic-merge-patch+json");
            }
        }

        using var response = await client.SendAsync(request);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync()));
    }

    private static StringContent Json(JsonNode body) => new(body.ToJsonString(), Encoding.UTF8, "application/json");

    private static string Now() => DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
