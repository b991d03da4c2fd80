using System.Net;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

public sealed class WatchTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private ApiClient Api => fixture.Api;

    [Fact]
    public async Task Without_a_version_the_present_state_comes_first_and_then_changes()
    {
        var path = await NamespaceAsync("w1");
        await Api.PostAsync(path, """{"metadata":{"name":"a"}}""");
        using var watch = await Api.WatchAsync($"{path}?watch=true");
        Assert.Equal("ADDED a", await watch.NextNameAsync());
        await Api.PostAsync(path, """{"metadata":{"name":"b"}}""");
        Assert.Equal("ADDED b", await watch.NextNameAsync());
        await Api.MergeAsync(path + "/a", """{"data":{"x":"y"}}""");
        Assert.Equal("MODIFIED a", await watch.NextNameAsync());
        var deleted = await Api.DeleteAsync(path + "/a");
        Assert.Equal(HttpStatusCode.OK, deleted.Code);
        var last = await watch.NextAsync();
        Assert.Equal("DELETED", last!.Value.Type);
        Assert.Equal("y", (string?)last.Value.Object["data"]!["x"]);
    }

    [Fact]
    public async Task From_a_version_only_later_changes_come()
    {
        var path = await NamespaceAsync("w2");
        await Api.PostAsync(path, """{"metadata":{"name":"a"}}""");
        var list = await Api.GetAsync(path);
        await Api.PostAsync(path, """{"metadata":{"name":"b"}}""");
        using var watch = await Api.WatchAsync($"{path}?watch=true&resourceVersion={list.Version}");
        Assert.Equal("ADDED b", await watch.NextNameAsync());
    }

    [Fact]
    public async Task An_object_that_begins_or_ceases_to_match_is_added_or_deleted_for_the_watcher()
    {
        var path = await NamespaceAsync("w3");
        await Api.PostAsync(path, """{"metadata":{"name":"a"}}""");
        using var watch = await Api.WatchAsync($"{path}?watch=true&labelSelector=on");
        await Api.MergeAsync(path + "/a", """{"metadata":{"labels":{"on":"1"}}}""");
        Assert.Equal("ADDED a", await watch.NextNameAsync());
        await Api.MergeAsync(path + "/a", """{"metadata":{"labels":{"on":"2"}}}""");
        Assert.Equal("MODIFIED a", await watch.NextNameAsync());
        await Api.MergeAsync(path + "/a", """{"metadata":{"labels":{"on":null}}}""");
        Assert.Equal("DELETED a", await watch.NextNameAsync());
    }

    [Fact]
    public async Task A_version_that_is_not_known_any_more_is_410()
    {
        var path = await NamespaceAsync("w4");
        using var watch = await Api.WatchAsync($"{path}?watch=true&resourceVersion=999999");
        var error = await watch.NextAsync();
        Assert.Equal("ERROR", error!.Value.Type);
        Assert.Equal((410, "Expired"), ((int)error.Value.Object["code"]!, (string?)error.Value.Object["reason"]));
        Assert.Null(await watch.NextAsync());
    }

    [Fact]
    public async Task Initial_events_end_with_a_bookmark_that_says_so()
    {
        var path = await NamespaceAsync("w5");
        await Api.PostAsync(path, """{"metadata":{"name":"a"}}""");
        using var watch = await Api.WatchAsync(
            $"{path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        Assert.Equal("ADDED a", await watch.NextNameAsync());
        var mark = await watch.NextAsync();
        Assert.Equal("BOOKMARK", mark!.Value.Type);
        Assert.Equal("true", (string?)mark.Value.Object["metadata"]!["annotations"]!["k8s.io/initial-events-end"]);
        var without = await Api.GetAsync($"{path}?watch=true&sendInitialEvents=true");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "Invalid"), (without.Code, without.Reason));
    }

    [Fact]
    public async Task A_watch_ends_when_its_time_is_over()
    {
        var path = await NamespaceAsync("w6");
        using var watch = await Api.WatchAsync($"{path}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true");
        var last = await watch.NextAsync();
        Assert.True(last is null || last.Value.Type == "BOOKMARK");
    }

    [Fact]
    public async Task Watches_end_when_the_server_stops()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        using var watch = await api.WatchAsync("/api/v1/pods?watch=true");
        host.Server.BeginStop();
        Assert.Null(await watch.NextAsync());
        using var ready = await host.Client(user: null).GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.InternalServerError, ready.StatusCode);
        Assert.Contains("[-]shutdown failed", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_watch_names_its_columns_once()
    {
        var path = await NamespaceAsync("w7");
        await Api.PostAsync(path, """{"metadata":{"name":"a"}}""");
        using var client = new HttpRequestMessage(HttpMethod.Get, $"{path}?watch=true");
        client.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        using var response = await fixture.Host.Client().SendAsync(client, HttpCompletionOption.ResponseHeadersRead);
        using var watch = new WatchLines(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
        Assert.Equal(3, ((JsonArray)(await watch.NextAsync())!.Value.Object["columnDefinitions"]!).Count);
        await Api.PostAsync(path, """{"metadata":{"name":"b"}}""");
        var second = (await watch.NextAsync())!.Value.Object;
        Assert.Empty((JsonArray)second["columnDefinitions"]!);
        Assert.Equal("b", (string?)second["rows"]![0]!["cells"]![0]);
    }

    private async Task<string> NamespaceAsync(string name)
    {
        await Api.PostAsync("/api/v1/namespaces", $$$"""{"metadata":{"name":"{{{name}}}"}}""");
        return $"/api/v1/namespaces/{name}/configmaps";
    }
}
