using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>
/// A node that runs nothing and says that it does: it registers, renews its lease, reports pods of jobs as done and others as running
/// and ready, and confirms deletions. For tests of what stands above nodes.
/// </summary>
internal sealed class NodeStandIn : IAsyncDisposable
{
    private const string Name = "stand-in";

    private readonly HttpClient _api;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    private NodeStandIn(HttpClient api)
    {
        _api = api;
        _loop = RunAsync(_stop.Token);
    }

    /// <summary>Registers the node; the client stays the caller's until this is disposed.</summary>
    public static async Task<NodeStandIn> RegisterAsync(HttpClient api)
    {
        await SendAsync(api, HttpMethod.Post, "/api/v1/nodes", $$$"""
            {"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{Name}}}","labels":{"kubernetes.io/hostname":"{{{Name}}}"} },
             "status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"110"},"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"},
              "conditions":[{"type":"Ready","status":"True","reason":"KubeletReady","lastHeartbeatTime":"{{{Now()}}}","lastTransitionTime":"{{{Now()}}}"}]} }
            """);
        await SendAsync(api, HttpMethod.Post, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", $$$"""
            {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{Name}}}","namespace":"kube-node-lease"},
             "spec":{"holderIdentity":"{{{Name}}}","leaseDurationSeconds":40,"renewTime":"{{{Now(micro: true)}}}"} }
            """);
        return new NodeStandIn(api);
    }

    /// <exception cref="Exception">It could not do its part.</exception>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var renewed = DateTimeOffset.UtcNow;
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                if (DateTimeOffset.UtcNow - renewed > TimeSpan.FromSeconds(5))
                {
                    renewed = DateTimeOffset.UtcNow;
                    await PatchAsync($"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{Name}", $$$"""{"spec":{"renewTime":"{{{Now(micro: true)}}}"}}""", ct);
                }

                var list = JsonNode.Parse(await _api.GetStringAsync(new Uri($"/api/v1/pods?fieldSelector=spec.nodeName%3D{Name}", UriKind.Relative), ct))!;
                foreach (var pod in list["items"]!.AsArray())
                {
                    await ServeAsync(pod!, ct);
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // told to end
        }
    }

    private async Task ServeAsync(JsonNode pod, CancellationToken ct)
    {
        var metadata = pod["metadata"]!;
        var path = $"/api/v1/namespaces/{metadata["namespace"]}/pods/{metadata["name"]}";
        if (metadata["deletionTimestamp"] is not null)
        {
            await SendAsync(_api, HttpMethod.Delete, path, """{"gracePeriodSeconds":0}""", ct);
        }
        else if ((string?)pod["status"]!["phase"] == "Pending")
        {
            var ends = metadata["labels"]?["job-name"] is not null;
            await PatchAsync($"{path}/status", ends
                ? """{"status":{"phase":"Succeeded"}}"""
                : $$$"""{"status":{"phase":"Running","podIP":"10.0.0.9","startTime":"{{{Now()}}}","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"{{{Now()}}}"}]}}""", ct);
        }
    }

    private Task PatchAsync(string path, string body, CancellationToken ct) => SendAsync(_api, HttpMethod.Patch, path, body, ct);

    private static async Task SendAsync(HttpClient api, HttpMethod method, string path, string body, CancellationToken ct = default)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative))
        {
            Content = new StringContent(body, Encoding.UTF8, method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json"),
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        using var response = await api.SendAsync(request, ct);
        if (!response.IsSuccessStatusCode && response.StatusCode is not (System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.Conflict))
        {
            throw new InvalidOperationException($"{method} {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(ct)}");
        }
    }

    private static string Now(bool micro = false) => DateTimeOffset.UtcNow.ToString(
        micro ? "yyyy-MM-ddTHH:mm:ss.ffffffZ" : "yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
}
