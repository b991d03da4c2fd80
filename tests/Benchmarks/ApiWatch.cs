using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks;

/// <summary>
/// The API as its administrator sees it, over one connection that stays: starting a kubectl takes longer than what is
/// measured here. Watches pods and devices and notes when something is first seen.
/// </summary>
internal sealed class ApiWatch : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<long>> _seen = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _watches = [];

    private ApiWatch(HttpClient http) => _http = http;

    public static async Task<ApiWatch> StartAsync(ProgramsCloud cloud)
    {
        var api = new ApiWatch(AdminClient.Create(cloud));
        await api.WatchAsync("/api/v1/pods", api.NotePod);
        await api.WatchAsync("/apis/devices.kubeedge.io/v1beta1/devices", api.NoteDevice);
        await api.WatchAsync("/api/v1/nodes", api.NoteNode);
        return api;
    }

    public async Task CreatePodAsync(string name)
    {
        var pod = $$$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"default"},
             "spec":{"nodeName":"{{{MainJob.NodeName}}}","terminationGracePeriodSeconds":1,"tolerations":[{"operator":"Exists"}],
              "containers":[{"name":"{{{name}}}","image":"{{{ContainerdRig.BusyboxImage}}}","imagePullPolicy":"IfNotPresent","command":["sleep","1000000"]}]}}
            """;
        using var content = new StringContent(pod, Encoding.UTF8, "application/json");
        using var response = await _http.PostAsync(new Uri("/api/v1/namespaces/default/pods", UriKind.Relative), content);
        response.EnsureSuccessStatusCode();
    }

    public async Task DeletePodAsync(string name)
    {
        using var response = await _http.DeleteAsync(new Uri($"/api/v1/namespaces/default/pods/{name}", UriKind.Relative));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>When the watch first saw it (Stopwatch ticks).</summary>
    public Task<long> SeenAsync(string what) => Seen(what).Task.WaitAsync(s_limit);

    public static string NodeReady(string node) => $"node {node} ready";

    public static string PodReady(string pod) => $"pod {pod} ready";

    public static string PodGone(string pod) => $"pod {pod} gone";

    public static string Reported(string device, string property, string value) => $"{device}.{property} is {value}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_watches);
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task WatchAsync(string path, Action<string, JsonNode> note)
    {
        var uri = new Uri(path + "?watch=true", UriKind.Relative);
        var response = await _http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, _stop.Token);
        response.EnsureSuccessStatusCode();
        _watches.Add(ReadAsync(response, note));
    }

    private async Task ReadAsync(HttpResponseMessage response, Action<string, JsonNode> note)
    {
        using (response)
        {
            try
            {
                using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(_stop.Token));
                while (await reader.ReadLineAsync(_stop.Token) is { } line)
                {
                    var change = JsonNode.Parse(line)!;
                    note((string)change["type"]!, change["object"]!);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
            {
                // the measurement is over, or cloudcore was killed as part of it
            }
        }
    }

    private void NotePod(string type, JsonNode pod)
    {
        var name = (string)pod["metadata"]!["name"]!;
        if (type == "DELETED")
        {
            Note(PodGone(name));
        }
        else if ((string?)pod["status"]?["phase"] == "Running" && IsReady(pod))
        {
            Note(PodReady(name));
        }
    }

    private void NoteNode(string type, JsonNode node)
    {
        if (IsReady(node))
        {
            Note(NodeReady((string)node["metadata"]!["name"]!));
        }
    }

    private void NoteDevice(string type, JsonNode device)
    {
        foreach (var twin in device["status"]?["twins"]?.AsArray() ?? [])
        {
            if ((string?)twin!["reported"]?["value"] is { } value)
            {
                Note(Reported((string)device["metadata"]!["name"]!, (string)twin["propertyName"]!, value));
            }
        }
    }

    private static bool IsReady(JsonNode o) => o["status"]?["conditions"]?.AsArray()
        .Any(c => (string?)c!["type"] == "Ready" && (string?)c["status"] == "True") == true;

    private void Note(string what) => Seen(what).TrySetResult(Stopwatch.GetTimestamp());

    private TaskCompletionSource<long> Seen(string what) =>
        _seen.GetOrAdd(what, _ => new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously));
}
