using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What clients learn of what there is.</summary>
public sealed class DiscoveryTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

    [Fact]
    public async Task Groups_come_in_kubernetes_order_and_hashes_are_kubernetes_hashes()
    {
        var groups = (await fixture.Api.GetAsync("/apis")).Body["groups"]!.AsArray().Select(g => (string)g!["name"]!).ToList();
        Assert.Equal("apps", groups[0]);
        Assert.True(groups.IndexOf("coordination.k8s.io") < groups.IndexOf("apps.kubeedge.io"));
        Assert.True(groups.IndexOf("apps.kubeedge.io") < groups.IndexOf("devices.kubeedge.io"));
        var pods = (await fixture.Api.GetAsync("/api/v1")).Body["resources"]!.AsArray().Single(r => (string?)r!["name"] == "pods")!;
        Assert.Equal("xPOwRZ+Yhw8=", (string?)pods["storageVersionHash"]);
    }

    [Fact]
    public async Task One_document_says_it_all_and_says_nothing_again_where_nothing_changed()
    {
        var http = fixture.Host.Client();
        var first = await AskAsync(http, "/apis", Aggregated, null);
        Assert.Equal("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", first.Content.Headers.NonValidated["Content-Type"].ToString());
        var tag = first.Headers.GetValues("ETag").Single();
        var body = JsonNode.Parse(await first.Content.ReadAsStringAsync())!;
        Assert.Equal(("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"), ((string?)body["kind"], (string?)body["apiVersion"]));
        var daemonSets = body["items"]!.AsArray().Single(g => (string?)g!["metadata"]!["name"] == "apps")!["versions"]![0]!["resources"]!.AsArray()
            .Single(r => (string?)r!["resource"] == "daemonsets")!;
        Assert.Equal(("Namespaced", "daemonset", "DaemonSet"), ((string?)daemonSets["scope"], (string?)daemonSets["singularResource"], (string?)daemonSets["responseKind"]!["kind"]));
        Assert.Equal("status", (string?)daemonSets["subresources"]![0]!["subresource"]);
        var again = await AskAsync(http, "/apis", Aggregated, tag);
        Assert.Equal((HttpStatusCode.NotModified, 0), (again.StatusCode, (await again.Content.ReadAsByteArrayAsync()).Length));
        await fixture.Api.PostAsync(Widgets.Definitions, Widgets.Definition("etag.test.io", "{type: object}"));
        var changed = await AskAsync(http, "/apis", Aggregated, tag);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        Assert.Contains("etag.test.io", await changed.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var core = JsonNode.Parse(await (await AskAsync(http, "/api", Aggregated.Split(',')[1], null)).Content.ReadAsStringAsync())!;
        Assert.Equal("apidiscovery.k8s.io/v2beta1", (string?)core["apiVersion"]);
        Assert.Null(core["items"]![0]!["metadata"]!["name"]);
        var plain = JsonNode.Parse(await (await AskAsync(http, "/apis", "application/json", null)).Content.ReadAsStringAsync())!;
        Assert.Equal("APIGroupList", (string?)plain["kind"]);
    }

    [Fact]
    public async Task Health_can_be_asked_for_as_a_whole_in_parts_and_in_words()
    {
        var http = fixture.Host.Client(user: null);
        Assert.Equal("[+]ping ok\n[+]log ok\n[+]storage ok\n[+]informer-sync ok\n[+]shutdown ok\nreadyz check passed\n", await http.GetStringAsync("/readyz?verbose"));
        Assert.Contains("[+]storage excluded: ok", await http.GetStringAsync("/livez?verbose&exclude=storage"), StringComparison.Ordinal);
        Assert.Equal("ok", await http.GetStringAsync("/livez/storage"));
        Assert.Equal("ok", await http.GetStringAsync("/healthz"));
        var version = JsonNode.Parse(await http.GetStringAsync("/version"))!;
        Assert.StartsWith("v1.32.0+edgesync", (string?)version["gitVersion"], StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> AskAsync(HttpClient http, string path, string accept, string? tag)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (tag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", tag);
        }

        return await http.SendAsync(request);
    }
}
