using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// The administrator's way to the API without a process for each request: bodies are JSON, answers too. A request that was not
/// answered with success throws, and whether it was done is then not known.
/// </summary>
internal sealed class FaultApi(ProgramsCloud cloud) : IDisposable
{
    private readonly HttpClient _client = cloud.NewAdministratorClient();

    public static string Path(string resource, string name = "") => resource switch
    {
        "devices" or "devicemodels" => $"/apis/devices.kubeedge.io/v1beta1/namespaces/default/{resource}",
        "daemonsets" => "/apis/apps/v1/namespaces/default/daemonsets",
        "nodes" => "/api/v1/nodes",
        _ => $"/api/v1/namespaces/default/{resource}",
    } + (name.Length == 0 ? "" : "/" + name);

    /// <summary>Creates it, or replaces what is there whatever it is; a pod that is there is left as it is.</summary>
    public async Task PutAsync(string resource, JsonObject wanted)
    {
        var name = (string)wanted["metadata"]!["name"]!;
        while (true)
        {
            var found = await GetAsync(resource, name);
            if (found is not null && resource == "pods")
            {
                return;
            }

            var next = wanted.DeepClone().AsObject();
            if (found is not null)
            {
                next["metadata"]!["resourceVersion"] = (string)found["metadata"]!["resourceVersion"]!;
            }

            var taken = found is null
                ? await SendAsync(HttpMethod.Post, Path(resource), next, HttpStatusCode.Conflict)
                : await SendAsync(HttpMethod.Put, Path(resource, name), next, HttpStatusCode.Conflict, HttpStatusCode.NotFound);
            if (taken is not null)
            {
                return;
            }
        }
    }

    public async Task DeleteAsync(string resource, string name) =>
        await SendAsync(HttpMethod.Delete, Path(resource, name), null, HttpStatusCode.NotFound);

    public async Task<JsonNode?> GetAsync(string resource, string name) =>
        await SendAsync(HttpMethod.Get, Path(resource, name), null, HttpStatusCode.NotFound);

    /// <summary>The items of a list, and its resourceVersion.</summary>
    public async Task<(IReadOnlyList<JsonObject> Items, string Version)> ListAsync(string resource)
    {
        var list = (await SendAsync(HttpMethod.Get, Path(resource), null))!;
        var items = list["items"]!.AsArray().Select(i => (JsonObject)i!.DeepClone()).ToList();
        return (items, (string)list["metadata"]!["resourceVersion"]!);
    }

    /// <summary>The lines of a watch, until it ends or is cancelled.</summary>
    public async IAsyncEnumerable<JsonNode> WatchAsync(
        string resource, string version, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Path(resource)}?watch=true&resourceVersion={version}");
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            yield return JsonNode.Parse(line)!;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<JsonNode?> SendAsync(HttpMethod method, string path, JsonNode? body, params HttpStatusCode[] alsoFine)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        using var response = await _client.SendAsync(request, deadline.Token);
        var text = await response.Content.ReadAsStringAsync(deadline.Token);
        if (alsoFine.Contains(response.StatusCode))
        {
            return null;
        }

        return response.IsSuccessStatusCode
            ? JsonNode.Parse(text)
            : throw new HttpRequestException($"{method} {path}: {(int)response.StatusCode} {text}", null, response.StatusCode);
    }
}
