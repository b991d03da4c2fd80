using System.Globalization;
using System.Net;
using System.Text;
using EdgeSync.CloudCore.EmbeddedApi.InProcess;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>The API as cloudcore's own client reaches it: without a socket, and otherwise like everybody.</summary>
public sealed class InProcessTransportTests : IAsyncLifetime, IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private ApiHost _host = null!;
    private KubeClient _client = null!;

    private CancellationToken Ct => _deadline.Token;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync();
        _client = new KubeClient(Transport("admin", "system:masters"), _host.Address, TimeProvider.System);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    public void Dispose()
    {
        _client.Dispose();
        _deadline.Dispose();
    }

    [Theory]
    [InlineData("/api/v1/namespaces/default", 200)]
    [InlineData("/api/v1/namespaces/default/configmaps/a%2Db", 200)]
    [InlineData("/api/v1/namespaces/default/configmaps?limit=3", 200)]
    [InlineData("/api/v1/namespaces/default/configmaps?labelSelector=part%20in%20(one,two)", 200)]
    [InlineData("/api/v1/namespaces/default/configmaps/none", 404)]
    [InlineData("/api/v1/namespaces/default/configmaps/a%2Fb", 404)]
    [InlineData("/apis/none/v1/things", 404)]
    [InlineData("/version", 200)]
    public async Task The_answer_is_the_one_that_the_network_brings(string path, int code)
    {
        for (var i = 0; i < 5; i++)
        {
            await CreateAsync(string.Create(CultureInfo.InvariantCulture, $"c{i}"), "value", i < 3 ? "one" : "three");
        }

        await CreateAsync("a-b", "value", "two");
        using var network = _host.Client();
        using var memory = new HttpClient(Transport("admin", "system:masters")) { BaseAddress = _host.Address };
        var uri = new Uri(path, UriKind.Relative);
        string before;
        string present;
        do
        {
            // what the server writes by itself after its start changes the version of a list
            before = await AnswerAsync(network, uri);
            present = await AnswerAsync(memory, uri);
        }
        while (before != await AnswerAsync(network, uri));

        Assert.StartsWith($"{code} ", present, StringComparison.Ordinal);
        Assert.Equal(before, present);
    }

    /// <summary>Code, type and body.</summary>
    private async Task<string> AnswerAsync(HttpClient client, Uri uri)
    {
        using var answer = await client.GetAsync(uri, Ct);
        return $"{(int)answer.StatusCode} {answer.Content.Headers.ContentType} {await answer.Content.ReadAsStringAsync(Ct)}";
    }

    [Fact]
    public async Task Warnings_and_refusals_arrive()
    {
        using var memory = new HttpClient(Transport("admin", "system:masters")) { BaseAddress = _host.Address };
        var body = """{"metadata":{"name":"x"},"dta":{}}""";
        using var warned = await PostAsync(memory, "/api/v1/namespaces/default/configmaps", body, "application/json");
        Assert.Equal(HttpStatusCode.Created, warned.StatusCode);
        Assert.Contains("dta", Assert.Single(warned.Headers.GetValues("Warning")), StringComparison.Ordinal);
        using var refused = await PostAsync(memory, "/api/v1/namespaces/default/configmaps", "x", "text/plain");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, refused.StatusCode);
    }

    [Fact]
    public async Task Who_asks_is_who_the_certificate_says()
    {
        using var nobody = new KubeClient(Transport("somebody"), _host.Address, TimeProvider.System);
        var refused = await Assert.ThrowsAsync<ApiException>(() => nobody.GetAsync(ApiResources.ConfigMaps, "default", "x", Ct));
        Assert.Equal(403, refused.Code);
        Assert.Contains("somebody", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_longer_than_any_buffer_arrives_whole()
    {
        var value = new string('x', 100_000);
        for (var i = 0; i < 20; i++)
        {
            await CreateAsync(string.Create(CultureInfo.InvariantCulture, $"large-{i}"), value, "large");
        }

        var list = await _client.ListAsync(ApiResources.ConfigMaps, "default", new ListOptions { LabelSelector = "part=large" }, Ct);
        Assert.Equal(20, list.Items.Count);
        Assert.All(list.Items, item => Assert.True(item.Json.Length > value.Length));
    }

    [Fact]
    public async Task A_watch_brings_changes_until_its_caller_leaves()
    {
        var version = await _client.GetListVersionAsync(ApiResources.ConfigMaps, null, Ct);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var seen = new List<string>();
        await CreateAsync("first", "value", "one");
        try
        {
            var options = new ListOptions { ResourceVersion = version };
            await foreach (var change in _client.WatchAsync(ApiResources.ConfigMaps, null, options, leave.Token))
            {
                seen.Add($"{change.Type} {change.Object.Name}");
                if (change.Object.Name == "first")
                {
                    await CreateAsync("second", "value", "one");
                }
                else
                {
                    await leave.CancelAsync();
                }
            }
        }
        catch (OperationCanceledException) when (leave.IsCancellationRequested)
        {
            // it left
        }

        Assert.Equal(["Added first", "Added second"], seen);
        Ct.ThrowIfCancellationRequested();
    }

    [Fact]
    public async Task Callers_that_go_away_leave_their_places_to_others()
    {
        // more than are let in at once, with an answer that none of them takes
        using var memory = new HttpClient(Transport("admin", "system:masters")) { BaseAddress = _host.Address };
        await CreateAsync("large", new string('x', 500_000), "large");
        for (var i = 0; i < 300; i++)
        {
            using var answer = await memory.GetAsync(
                new Uri("/api/v1/namespaces/default/configmaps", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Ct);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        for (var i = 0; i < 300; i++)
        {
            using var cancelled = new CancellationTokenSource();
            var waiting = memory.GetAsync(new Uri("/api/v1/namespaces/default/configmaps", UriKind.Relative), cancelled.Token);
            await cancelled.CancelAsync();
            try
            {
                (await waiting).Dispose();
            }
            catch (OperationCanceledException)
            {
                // as it asked for
            }
        }

        using var last = await memory.GetAsync(new Uri("/version", UriKind.Relative), Ct);
        Assert.Equal(HttpStatusCode.OK, last.StatusCode);
    }

    [Fact]
    public async Task A_server_that_stops_ends_the_watches()
    {
        var version = await _client.GetListVersionAsync(ApiResources.ConfigMaps, null, Ct);
        await CreateAsync("first", "value", "one");
        var events = 0;
        await foreach (var change in _client.WatchAsync(ApiResources.ConfigMaps, null, new ListOptions { ResourceVersion = version }, Ct))
        {
            events++;
            _host.Server.BeginStop();
        }

        Assert.Equal(1, events);
    }

    private InProcessTransport Transport(string user, params string[] groups) =>
        new(_host.Server.HandleAsync, _host.Certificates.IssueClient(user, groups));

    private Task<KubeObject> CreateAsync(string name, string value, string part) => _client.CreateAsync(
        ApiResources.ConfigMaps, "default",
        Encoding.UTF8.GetBytes($$$"""{"metadata":{"name":"{{{name}}}","labels":{"part":"{{{part}}}"}},"data":{"value":"{{{value}}}"}}"""), Ct);

    private async Task<HttpResponseMessage> PostAsync(HttpClient client, string path, string body, string type)
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        return await client.PostAsync(new Uri(path, UriKind.Relative), content, Ct);
    }
}
