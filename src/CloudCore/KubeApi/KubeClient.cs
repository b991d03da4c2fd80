using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>
/// The one way in which cloudcore talks to a Kubernetes API, embedded or real. Objects go in and out as bytes.
/// It does not retry: every caller is a loop that reads the state anew. Every failure is an <see cref="ApiException"/>.
/// </summary>
internal sealed partial class KubeClient : IDisposable
{
    // a list page of 500 large pods is about 10 MB; a server that sends more than this is not a Kubernetes API
    private const int MaxPageBytes = 256 * 1024 * 1024;

    // etcd takes 1.5 MB by default; custom limits go a little higher
    private const int MaxObjectBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan s_requestTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pageTimeout = TimeSpan.FromSeconds(60);
    private static readonly MediaTypeHeaderValue s_json = new("application/json");
    private static readonly MediaTypeHeaderValue s_mergePatch = new("application/merge-patch+json");
    private static readonly MediaTypeHeaderValue s_strategicMergePatch = new("application/strategic-merge-patch+json");
    private static readonly MediaTypeHeaderValue s_jsonPatch = new("application/json-patch+json");
    private static readonly MediaTypeWithQualityHeaderValue s_acceptJson = new("application/json");

    private readonly HttpClient _http;
    private readonly TimeProvider _time;

    public KubeClient(KubeConfig config, TimeProvider time)
        : this(KubeTransport.Create(config, time), config.Server, time)
    {
        // the handler takes the name for TLS from this header, and from nowhere else
        _http.DefaultRequestHeaders.Host = config.TlsServerName;
    }

    /// <summary>For a transport of the caller's own (the embedded API in this process, tests that cut the link).</summary>
    internal KubeClient(HttpMessageHandler handler, Uri server, TimeProvider time)
    {
        _time = time;
        _http = new HttpClient(handler)
        {
            // a server below a path prefix (a proxy) keeps its prefix only with the slash
            BaseAddress = server.AbsoluteUri.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("edgesync-cloudcore", "0.1.0"));
    }

    /// <summary>The address of the API, for messages to people.</summary>
    public Uri Server => _http.BaseAddress!;

    /// <summary>The object, or null where there is none of that name.</summary>
    public async Task<KubeObject?> GetAsync(ApiResource r, string ns, string name, CancellationToken ct)
    {
        try
        {
            return await SendForObjectAsync(HttpMethod.Get, r.ObjectPath(ns, name, null), null, s_json, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>All objects at one version, page by page; <paramref name="ns"/> null spans all namespaces.</summary>
    public async Task<KubeList> ListAsync(ApiResource r, string? ns, ListOptions? options, CancellationToken ct)
    {
        options ??= new ListOptions();
        var items = new List<KubeObject>();
        int? limit = options.PageSize;
        string? next = null;
        while (true)
        {
            // the continue token carries the version of the first page; a resource version beside it is refused
            var query = (next is null ? options : options with { ResourceVersion = null }).Query(limit, next);
            try
            {
                (var version, next) = await GetPageAsync(r, r.CollectionPath(ns) + query, items, options.MetadataOnly, ct);
                if (next is null)
                {
                    return new KubeList(version, items);
                }
            }
            catch (ApiException e) when (e.IsGone && next is not null)
            {
                // the snapshot behind the token was compacted away while we paged: take all in one answer
                items.Clear();
                (limit, next) = (null, null);
            }
        }
    }

    /// <summary>The newest version of the collection, by a list of at most one object.</summary>
    public async Task<string> GetListVersionAsync(ApiResource r, string? ns, CancellationToken ct)
    {
        var (version, _) = await GetPageAsync(r, r.CollectionPath(ns) + new ListOptions().Query(limit: 1), [], true, ct);
        return version;
    }

    /// <summary>Whether the API knows the kind; a real cluster knows those of CustomResourceDefinitions once they are applied.</summary>
    public async Task<bool> ServesAsync(ApiResource r, CancellationToken ct)
    {
        try
        {
            await GetListVersionAsync(r, null, ct);
            return true;
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    public Task<KubeObject> CreateAsync(ApiResource r, string ns, ReadOnlyMemory<byte> body, CancellationToken ct) =>
        SendForObjectAsync(HttpMethod.Post, r.CollectionPath(ns), body, s_json, ct);

    /// <summary>Replaces the object; with a resource version in the body, only if it has not changed since.</summary>
    public Task<KubeObject> UpdateAsync(
        ApiResource r, string ns, string name, ReadOnlyMemory<byte> body, string? subresource, CancellationToken ct) =>
        SendForObjectAsync(HttpMethod.Put, r.ObjectPath(ns, name, subresource), body, s_json, ct);

    public Task<KubeObject> PatchAsync(
        ApiResource r, string ns, string name, PatchType type, ReadOnlyMemory<byte> body, string? subresource, CancellationToken ct)
    {
        var mediaType = type switch
        {
            PatchType.Merge => s_mergePatch,
            PatchType.StrategicMerge => s_strategicMergePatch,
            _ => s_jsonPatch,
        };
        return SendForObjectAsync(HttpMethod.Patch, r.ObjectPath(ns, name, subresource), body, mediaType, ct);
    }

    /// <summary>Deletes the object, or begins to (finalizers, grace). Not found is an <see cref="ApiException"/> like any other.</summary>
    public async Task DeleteAsync(ApiResource r, string ns, string name, DeleteOptions? options, CancellationToken ct)
    {
        ReadOnlyMemory<byte>? body = options is null ? null : options.ToJson();
        await SendAsync(HttpMethod.Delete, r.ObjectPath(ns, name, null), body, s_json, (s_requestTimeout, MaxObjectBytes), ct);
    }

    public void Dispose() => _http.Dispose();

    private async Task<(string Version, string? Continue)> GetPageAsync(
        ApiResource r, string path, List<KubeObject> items, bool metadataOnly, CancellationToken ct)
    {
        var form = metadataOnly ? MetadataListForm : null;
        var page = await SendAsync(HttpMethod.Get, path, null, s_json, (s_pageTimeout, MaxPageBytes), ct, form);
        try
        {
            return KubeListReader.ReadPage(page.Span, r, items);
        }
        catch (KubeObjectException e)
        {
            throw ApiException.Unreachable($"GET {path}", e.Message, e);
        }
    }

    private async Task<KubeObject> SendForObjectAsync(
        HttpMethod method, string path, ReadOnlyMemory<byte>? body, MediaTypeHeaderValue mediaType, CancellationToken ct)
    {
        var answer = await SendAsync(method, path, body, mediaType, (s_requestTimeout, MaxObjectBytes), ct);
        try
        {
            return KubeObject.Parse(answer);
        }
        catch (KubeObjectException e)
        {
            throw ApiException.Unreachable($"{method} {path}", e.Message, e);
        }
    }

    private async Task<ReadOnlyMemory<byte>> SendAsync(
        HttpMethod method, string path, ReadOnlyMemory<byte>? body, MediaTypeHeaderValue mediaType,
        (TimeSpan Timeout, int MaxBytes) limits, CancellationToken ct, string? form = null)
    {
        using var timeout = new CancellationTokenSource(limits.Timeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        var what = $"{method} {path}";
        try
        {
            using var request = NewRequest(method, path, form);
            if (body is { } content)
            {
                request.Content = new ReadOnlyMemoryContent(content);
                request.Content.Headers.ContentType = mediaType;
            }

            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, linked.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw await ReadErrorAsync(what, response, linked.Token);
            }

            return await ReadBodyAsync(what, response, limits.MaxBytes, linked.Token);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw ApiException.Unreachable(what, $"no answer within {limits.Timeout.TotalSeconds:0} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw ApiException.Unreachable(what, Describe(e), e);
        }
    }

    private HttpRequestMessage NewRequest(HttpMethod method, string path, string? form)
    {
        var request = new HttpRequestMessage(method, path[1..])
        {
            Version = _http.DefaultRequestVersion,
            VersionPolicy = _http.DefaultVersionPolicy,
        };
        if (form is not null)
        {
            request.Headers.Accept.ParseAdd(form);
        }

        // also beside a form: a server that does not know it answers with whole objects, which hold the same
        request.Headers.Accept.Add(s_acceptJson);
        return request;
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(
        string what, HttpResponseMessage response, int maxBytes, CancellationToken ct)
    {
        if (response.Content.Headers.ContentLength > maxBytes)
        {
            throw ApiException.Unreachable(what, $"the answer is larger than {maxBytes} bytes", null);
        }

        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        if (response.Content.Headers.ContentLength is { } length)
        {
            // objects are kept for long: no byte more than they have
            var whole = new byte[length];
            await stream.ReadExactlyAsync(whole, ct);
            return whole;
        }

        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        while (await stream.ReadAsync(buffer.GetMemory(16 * 1024), ct) is > 0 and var read)
        {
            buffer.Advance(read);
            if (buffer.WrittenCount > maxBytes)
            {
                throw ApiException.Unreachable(what, $"the answer is larger than {maxBytes} bytes", null);
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static async Task<ApiException> ReadErrorAsync(string what, HttpResponseMessage response, CancellationToken ct)
    {
        const int MaxErrorBytes = 1024 * 1024;
        var code = (int)response.StatusCode;
        var retryAfter = response.Headers.RetryAfter?.Delta;
        var body = await ReadBodyAsync(what, response, MaxErrorBytes, ct);
        try
        {
            if (JsonSerializer.Deserialize(body.Span, KubernetesJson.Default.Status) is { Kind: "Status" } status)
            {
                return new ApiException(what, status.Code == 0 ? status with { Code = code } : status, retryAfter);
            }
        }
        catch (JsonException)
        {
            // a proxy's page or plain text: the code alone must do
        }

        return new ApiException(
            what, new Status { Outcome = "Failure", Code = code, Message = $"HTTP {code} {response.ReasonPhrase}" }, retryAfter);
    }

    // "Connection refused" stands in the innermost exception, "An error occurred while sending the request" in the outer
    private static string Describe(Exception e) => e.GetBaseException().Message;
}
