using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>An answer: its code and its body.</summary>
internal sealed record Answer(HttpStatusCode Code, JsonObject Body, IReadOnlyList<string> Warnings)
{
    public string Message => (string?)Body["message"] ?? "";

    public string Reason => (string?)Body["reason"] ?? "";

    public string Version => (string)Body["metadata"]!["resourceVersion"]!;
}

/// <summary>Short ways to ask the API over real HTTP.</summary>
internal sealed class ApiClient(HttpClient http)
{
    public const string Core = "/api/v1/namespaces/default";
    public const string Apps = "/apis/apps/v1/namespaces/default";

    public Task<Answer> GetAsync(string path, string accept = "application/json") => SendAsync(HttpMethod.Get, path, null, "", accept);

    public Task<Answer> PostAsync(string path, string body, string type = "application/json") => SendAsync(HttpMethod.Post, path, body, type);

    public Task<Answer> PutAsync(string path, string body) => SendAsync(HttpMethod.Put, path, body, "application/json");

    public Task<Answer> DeleteAsync(string path, string? body = null) => SendAsync(HttpMethod.Delete, path, body, "application/json");

    public Task<Answer> MergeAsync(string path, string body) => SendAsync(HttpMethod.Patch, path, body, "application/merge-patch+json");

    public Task<Answer> StrategicAsync(string path, string body) =>
        SendAsync(HttpMethod.Patch, path, body, "application/strategic-merge-patch+json");

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? body, string type, string accept = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }

        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var warnings = response.Headers.TryGetValues("Warning", out var values) ? values.ToList() : [];
        return new Answer(response.StatusCode, JsonNode.Parse(text) as JsonObject ?? [], warnings);
    }

    /// <summary>A watch: its lines, as they come.</summary>
    public async Task<WatchLines> WatchAsync(string pathAndQuery)
    {
        var response = await http.GetAsync(pathAndQuery, HttpCompletionOption.ResponseHeadersRead);
        return new WatchLines(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }
}

/// <summary>The events of one watch.</summary>
internal sealed class WatchLines(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>The next event; null where the watch has ended.</summary>
    public async Task<(string Type, JsonObject Object)?> NextAsync()
    {
        using var deadline = new CancellationTokenSource(s_limit);
        var line = await reader.ReadLineAsync(deadline.Token);
        if (line is null)
        {
            return null;
        }

        var parsed = (JsonObject)JsonNode.Parse(line)!;
        return ((string)parsed["type"]!, (JsonObject)parsed["object"]!);
    }

    /// <summary>The next event as <c>TYPE name</c>.</summary>
    public async Task<string> NextNameAsync() =>
        await NextAsync() is { } next ? $"{next.Type} {(string?)next.Object["metadata"]?["name"]}" : "END";

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
