using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.Benchmarks.Api;

/// <summary>A client of an API server, as its kubeconfig says: HTTP/2, TLS, a client certificate, JSON. The same for both sides.</summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;

    public ApiClient(string kubeconfig) => _http = Connect(kubeconfig);

    /// <summary>Connections as a kubeconfig says.</summary>
    public static HttpClient Connect(string kubeconfig)
    {
        var config = (JsonObject)YamlToJson.ReadOne(File.ReadAllText(kubeconfig))!;
        var cluster = config["clusters"]![0]!["cluster"]!;
        var user = config["users"]![0]!["user"]!;
        using var pem = X509Certificate2.CreateFromPem(Text(user, "client-certificate-data"), Text(user, "client-key-data"));
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(Text(cluster, "certificate-authority-data"));
        return new HttpClient(new SocketsHttpHandler
        {
            // some thousand watches need more streams than one connection has
            EnableMultipleHttp2Connections = true,
            AutomaticDecompression = DecompressionMethods.None,
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null)],
                CertificateChainPolicy = policy,
            },
        })
        {
            BaseAddress = new Uri(cluster["server"]!.ToString()),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromMinutes(2),
        };
    }

    public void Dispose() => _http.Dispose();

    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri("/readyz", UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // not listening yet
        }
    }

    public Task CreateAsync(string collection, string json) => SendAsync(HttpMethod.Post, collection, json, "application/json");

    public Task PatchAsync(string path, string json) => SendAsync(HttpMethod.Patch, path, json, "application/merge-patch+json");

    /// <summary>Removes an object without waiting for anybody.</summary>
    public Task DeleteNowAsync(string path) => SendAsync(HttpMethod.Delete, path, """{"gracePeriodSeconds":0}""", "application/json");

    /// <summary>An answer's JSON document.</summary>
    public async Task<JsonNode> ReadAsync(string path) =>
        JsonNode.Parse(await _http.GetStringAsync(new Uri(path, UriKind.Relative)))!;

    /// <summary>Watches a collection, from what it holds now; a watch that the server ends goes on where it stood, as that of any client.</summary>
    /// <param name="collection">Its path.</param>
    /// <param name="onEvent">Called for each event, with its line of JSON, in their order.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>When the server has answered for the first time: the end.</returns>
    public async Task<Task> WatchEventsAsync(string collection, Action<string> onEvent, CancellationToken stop)
    {
        var first = await OpenWatchAsync(collection, "", stop);
        return ReadEventsAsync(first, collection, onEvent, stop);
    }

    private async Task ReadEventsAsync(HttpResponseMessage first, string collection, Action<string> onEvent, CancellationToken stop)
    {
        var answer = first;
        var version = "";
        try
        {
            while (!stop.IsCancellationRequested)
            {
                using (answer)
                using (var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(stop)))
                {
                    while (await lines.ReadLineAsync(stop) is { } line)
                    {
                        onEvent(line);
                        version = VersionOf(line);
                    }
                }

                answer = await OpenWatchAsync(collection, version, stop);
            }
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or IOException or HttpRequestException)
        {
            // the measurement is over
        }
    }

    private async Task<HttpResponseMessage> OpenWatchAsync(string collection, string version, CancellationToken stop)
    {
        var from = version.Length == 0 ? "" : $"&resourceVersion={version}";
        var answer = await _http.GetAsync(new Uri($"{collection}?watch=true{from}", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, stop);
        return answer.EnsureSuccessStatusCode();
    }

    private static string VersionOf(string line)
    {
        var change = JsonNode.Parse(line)!;
        return (string?)change["type"] != "ERROR"
            ? (string)change["object"]!["metadata"]!["resourceVersion"]!
            : throw new InvalidOperationException($"a watch failed: {line}");
    }

    /// <summary>Reads all of an answer; its length in bytes.</summary>
    public async Task<long> GetAsync(string path)
    {
        using var answer = await _http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        await using var body = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[64 * 1024];
        var length = 0L;
        while (await body.ReadAsync(buffer) is > 0 and var read)
        {
            length += read;
        }

        return length;
    }

    /// <summary>Begins a watch.</summary>
    /// <param name="path">Of the collection.</param>
    /// <param name="onEvent">Called for each line.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>When the server has answered: the watch's end.</returns>
    public async Task<Task> WatchAsync(string path, Action onEvent, CancellationToken stop)
    {
        var answer = await _http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, stop);
        answer.EnsureSuccessStatusCode();
        return ReadAsync(answer, onEvent, stop);
    }

    private static async Task ReadAsync(HttpResponseMessage answer, Action onEvent, CancellationToken stop)
    {
        using (answer)
        {
            var buffer = new byte[4096];
            try
            {
                await using var body = await answer.Content.ReadAsStreamAsync(stop);
                while (await body.ReadAsync(buffer, stop) is > 0 and var read)
                {
                    for (var lines = buffer.AsSpan(0, read).Count((byte)'\n'); lines > 0; lines--)
                    {
                        onEvent();
                    }
                }
            }
            catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or IOException)
            {
                // the measurement is over
            }
        }
    }

    private async Task SendAsync(HttpMethod method, string path, string json, string type)
    {
        using var request = new HttpRequestMessage(method, path) { Version = HttpVersion.Version20, Content = new StringContent(json, Encoding.UTF8, type) };
        using var answer = await _http.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
    }

    private static string Text(JsonNode node, string field) => Encoding.ASCII.GetString(Convert.FromBase64String(node[field]!.ToString()));
}
