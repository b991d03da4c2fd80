using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>Lists in pages and of versions that are past, also those that cannot be had any more.</summary>
public sealed class PagingTests : IAsyncLifetime, IDisposable
{
    private const string Maps = ApiClient.Core + "/configmaps";
    private const int Kept = 20;

    private readonly TempFolder _folder = new();
    private ApiHost _host = null!;
    private ApiClient _api = null!;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync(
            options: new EmbeddedApiOptions { DataDir = _folder.Path, Limits = new StoreLimits(HistoryChanges: Kept) });
        _api = new ApiClient(_host.Client());
        for (var i = 0; i < 10; i++)
        {
            await _api.PostAsync(Maps, $$$"""{"metadata":{"name":"m{{{i}}}"},"data":{"k":"first"}}""");
        }
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task All_pages_show_the_state_of_the_first_whatever_is_written_between_them()
    {
        var page = await _api.GetAsync(Maps + "?limit=3");
        var version = page.Version;
        var seen = Names(page);
        for (var round = 0; Token(page) is { } token; round++)
        {
            await _api.DeleteAsync($"{Maps}/m{9 - round}");
            await _api.MergeAsync(Maps + "/m5", $$$"""{"data":{"k":"changed-{{{round}}}"}}""");
            await _api.PostAsync(Maps, $$$"""{"metadata":{"name":"m5{{{round}}}"}}""");
            page = await _api.GetAsync($"{Maps}?limit=3&continue={Uri.EscapeDataString(token)}");
            Assert.Equal(version, page.Version);
            Assert.All((JsonArray)page.Body["items"]!, item => Assert.Equal("first", (string?)item!["data"]!["k"]));
            seen = [.. seen, .. Names(page)];
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"m{i}"), seen);
    }

    [Fact]
    public async Task An_expired_token_is_410_with_one_that_goes_on_in_the_newest_state()
    {
        var page = await _api.GetAsync(Maps + "?limit=3");
        await AgeAsync();
        var expired = await _api.GetAsync($"{Maps}?limit=3&continue={Uri.EscapeDataString(Token(page)!)}");
        Assert.Equal((HttpStatusCode.Gone, "Expired"), (expired.Code, expired.Reason));
        Assert.StartsWith("The provided continue parameter is too old to display a consistent list result.", expired.Message, StringComparison.Ordinal);

        var rest = await _api.GetAsync($"{Maps}?continue={Uri.EscapeDataString(Token(expired)!)}");
        Assert.Equal(["m3", "m4", "m5", "m6", "m7", "m8", "m9"], Names(rest));
        Assert.NotEqual(page.Version, rest.Version);
        Assert.Equal((await _api.GetAsync(Maps)).Version, rest.Version);
    }

    [Fact]
    public async Task Exactly_a_version_that_is_compacted_is_410_and_at_least_it_is_the_newest()
    {
        var first = await _api.GetAsync(Maps);
        await AgeAsync();
        var exact = await _api.GetAsync($"{Maps}?resourceVersion={first.Version}&resourceVersionMatch=Exact");
        Assert.Equal((HttpStatusCode.Gone, "Expired", "The resourceVersion for the provided list is too old."), (exact.Code, exact.Reason, exact.Message));
        var least = await _api.GetAsync($"{Maps}?resourceVersion={first.Version}&resourceVersionMatch=NotOlderThan");
        Assert.Equal(HttpStatusCode.OK, least.Code);
        Assert.NotEqual(first.Version, least.Version);
    }

    [Fact]
    public async Task A_watch_from_a_compacted_version_is_410()
    {
        var first = await _api.GetAsync(Maps);
        await AgeAsync();
        using var watch = await _api.WatchAsync($"{Maps}?watch=1&resourceVersion={first.Version}");
        var error = await watch.NextAsync();
        Assert.Equal(("ERROR", 410, "Expired"), (error!.Value.Type, (int)error.Value.Object["code"]!, (string?)error.Value.Object["reason"]));
        Assert.StartsWith($"too old resource version: {first.Version} (", (string?)error.Value.Object["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_list_is_compressed_for_a_client_that_takes_it()
    {
        var large = new string('x', 20_000);
        for (var i = 0; i < 8; i++)
        {
            await _api.PostAsync(Maps, $$$"""{"metadata":{"name":"l{{{i}}}"},"data":{"k":"{{{large}}}"}}""");
        }

        var plain = await BytesAsync("", HttpStatusCode.OK);
        var packed = await BytesAsync("gzip, deflate", HttpStatusCode.OK);
        Assert.Null(plain.Encoding);
        Assert.Equal("gzip", packed.Encoding);
        Assert.True(packed.Bytes.Length * 10 < plain.Bytes.Length, $"{packed.Bytes.Length} of {plain.Bytes.Length}");
        using var unpacked = new System.IO.Compression.GZipStream(new MemoryStream(packed.Bytes), System.IO.Compression.CompressionMode.Decompress);
        using var text = new MemoryStream();
        await unpacked.CopyToAsync(text);
        Assert.Equal(plain.Bytes, text.ToArray());
        Assert.Null((await BytesAsync("gzip;q=0", HttpStatusCode.OK)).Encoding);
        Assert.Null((await BytesAsync("gzip", HttpStatusCode.OK, "?limit=2")).Encoding);
    }

    private async Task<(string? Encoding, byte[] Bytes)> BytesAsync(string accept, HttpStatusCode expected, string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Maps + query);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", accept);
        using var response = await _host.Client().SendAsync(request);
        Assert.Equal(expected, response.StatusCode);
        return (response.Content.Headers.ContentEncoding.SingleOrDefault(), await response.Content.ReadAsByteArrayAsync());
    }

    /// <summary>So many changes that the versions before them are compacted.</summary>
    private async Task AgeAsync()
    {
        for (var i = 0; i <= Kept; i++)
        {
            await _api.MergeAsync(Maps + "/m0", $$$"""{"data":{"k":"{{{i.ToString(CultureInfo.InvariantCulture)}}}"}}""");
        }
    }

    private static string? Token(Answer page) => (string?)page.Body["metadata"]!["continue"];

    private static string[] Names(Answer page) => [.. ((JsonArray)page.Body["items"]!).Select(i => (string)i!["metadata"]!["name"]!)];
}
