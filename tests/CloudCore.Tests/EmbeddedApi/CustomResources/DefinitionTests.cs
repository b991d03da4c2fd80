using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>The life of a definition: from its creation to the end of its objects.</summary>
public class DefinitionTests
{
    private const string AnySpec = "{type: object, x-kubernetes-preserve-unknown-fields: true}";

    [Fact]
    public async Task A_definition_serves_objects_as_soon_as_it_is_answered()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        var path = Widgets.Path("a.test.io");
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetAsync(path)).Code);
        var created = await api.PostAsync(Widgets.Definitions, Widgets.Definition("a.test.io", "{type: object, properties: {size: {type: integer}}}"));
        Assert.Equal(HttpStatusCode.Created, created.Code);
        Assert.Equal("widget", (string?)created.Body["spec"]!["names"]!["singular"]);
        var widget = await api.PostAsync(path, Widgets.Object("a.test.io", "w", "{size: 3}"));
        Assert.Equal((HttpStatusCode.Created, 1L, 3L), (widget.Code, (long)widget.Body["metadata"]!["generation"]!, (long)widget.Body["spec"]!["size"]!));
        var definition = await api.GetAsync(Widgets.Definitions + "/widgets.a.test.io");
        Assert.Equal(("True", "True"), (Condition(definition.Body, "NamesAccepted"), Condition(definition.Body, "Established")));
        Assert.Equal("widgets", (string?)definition.Body["status"]!["acceptedNames"]!["plural"]);
        Assert.Equal("v1", (string?)definition.Body["status"]!["storedVersions"]![0]);
        var group = await api.GetAsync("/apis/a.test.io/v1");
        Assert.Equal(["widgets", "widgets/status"], group.Body["resources"]!.AsArray().Select(r => (string)r!["name"]!));
        var list = await api.GetAsync(path);
        Assert.Equal(("WidgetList", 1), ((string?)list.Body["kind"], list.Body["items"]!.AsArray().Count));
    }

    [Fact]
    public async Task Deleting_a_definition_removes_its_objects_ends_their_watches_and_frees_the_path()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        var path = Widgets.Path("d.test.io");
        await api.PostAsync(Widgets.Definitions, Widgets.Definition("d.test.io", AnySpec));
        await api.PostAsync(path, Widgets.Object("d.test.io", "one", "{}"));
        await api.PostAsync(path, Widgets.Object("d.test.io", "two", "{}"));
        using var watch = await api.WatchAsync(path + "?watch=true");
        Assert.Equal("ADDED one", await watch.NextNameAsync());
        Assert.Equal("ADDED two", await watch.NextNameAsync());
        var deleted = await api.DeleteAsync(Widgets.Definitions + "/widgets.d.test.io");
        Assert.Equal(HttpStatusCode.OK, deleted.Code);
        Assert.Contains("customresourcecleanup.apiextensions.k8s.io", deleted.Body["metadata"]!["finalizers"]!.AsArray().Select(f => (string)f!));
        Assert.Equal(
            ["DELETED one", "DELETED two", "END"],
            (await Task.WhenAll([.. await ThreeAsync(watch)])).Order());
        await Eventually.HoldsAsync("the definition is gone", async () => (await api.GetAsync(Widgets.Definitions + "/widgets.d.test.io")).Code == HttpStatusCode.NotFound);
        await Eventually.HoldsAsync("the path is gone", async () => (await api.GetAsync(path)).Code == HttpStatusCode.NotFound);
        await api.PostAsync(Widgets.Definitions, Widgets.Definition("d.test.io", AnySpec));
        Assert.Empty((await api.GetAsync(path)).Body["items"]!.AsArray());
    }

    [Fact]
    public async Task A_finalizer_of_an_object_holds_its_definition_back_and_nothing_new_is_made_meanwhile()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        var path = Widgets.Path("f.test.io");
        await api.PostAsync(Widgets.Definitions, Widgets.Definition("f.test.io", AnySpec));
        await api.PostAsync(path, """{"apiVersion":"f.test.io/v1","kind":"Widget","metadata":{"name":"held","finalizers":["test.io/hold"]}}""");
        await api.DeleteAsync(Widgets.Definitions + "/widgets.f.test.io");
        await Eventually.HoldsAsync("the object is marked", async () => (await api.GetAsync(path + "/held")).Body["metadata"]?["deletionTimestamp"] is not null);
        var definition = await api.GetAsync(Widgets.Definitions + "/widgets.f.test.io");
        Assert.Equal("True", Condition(definition.Body, "Terminating"));
        var refused = await api.PostAsync(path, Widgets.Object("f.test.io", "late", "{}"));
        Assert.Equal((HttpStatusCode.Forbidden, "widgets.f.test.io \"late\" is forbidden: create not allowed while custom resource definition is terminating"), (refused.Code, refused.Message));
        var applied = await api.SendAsync(HttpMethod.Patch, path + "/late?fieldManager=m", Widgets.Object("f.test.io", "late", "{}"), "application/apply-patch+yaml");
        Assert.Equal((HttpStatusCode.Forbidden, refused.Message), (applied.Code, applied.Message));
        await api.MergeAsync(path + "/held", """{"metadata":{"finalizers":null}}""");
        await Eventually.HoldsAsync("the definition is gone", async () => (await api.GetAsync(Widgets.Definitions + "/widgets.f.test.io")).Code == HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Definitions_and_objects_survive_a_restart_and_are_served_with_the_first_request()
    {
        using var folder = new TempFolder();
        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            var api = new ApiClient(host.Client());
            await api.PostAsync(Widgets.Definitions, Widgets.Definition("r.test.io", AnySpec));
            await api.PostAsync(Widgets.Path("r.test.io"), Widgets.Object("r.test.io", "kept", "{a: b}"));
        }

        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            var api = new ApiClient(host.Client());
            Assert.Equal("b", (string?)(await api.GetAsync(Widgets.Path("r.test.io") + "/kept")).Body["spec"]!["a"]);
        }
    }

    [Fact]
    public async Task Names_go_to_whoever_had_them_first_and_to_the_next_when_they_are_free()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        static string Named(string plural, string kind) => Widgets.Json("""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: PLURAL.n.test.io}
            spec:
              group: n.test.io
              scope: Cluster
              names: {plural: PLURAL, kind: KIND, shortNames: [nn], categories: [all]}
              versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
            """.Replace("PLURAL", plural, StringComparison.Ordinal).Replace("KIND", kind, StringComparison.Ordinal));
        await api.PostAsync(Widgets.Definitions, Named("firsts", "First"));
        await api.PostAsync(Widgets.Definitions, Named("seconds", "Second"));
        var second = (await api.GetAsync(Widgets.Definitions + "/seconds.n.test.io")).Body;
        var condition = second["status"]!["conditions"]!.AsArray().Single(c => (string?)c!["type"] == "NamesAccepted")!;
        Assert.Equal(("False", "ShortNamesConflict", "\"nn\" is already in use"), ((string?)condition["status"], (string?)condition["reason"], (string?)condition["message"]));
        Assert.Equal("False", Condition(second, "Established"));
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetAsync("/apis/n.test.io/v1/seconds")).Code);
        await api.DeleteAsync(Widgets.Definitions + "/firsts.n.test.io");
        await Eventually.HoldsAsync("the second is served", async () => (await api.GetAsync("/apis/n.test.io/v1/seconds")).Code == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_definition_that_cannot_be_read_is_reported_and_the_others_are_served()
    {
        using var folder = new TempFolder();
        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            var api = new ApiClient(host.Client());
            await api.PostAsync(Widgets.Definitions, Widgets.Definition("good.test.io", AnySpec));
            await api.PostAsync(Widgets.Definitions, Widgets.Definition("bad.test.io", "{type: object, properties: {p: {type: string, pattern: abcdefgh}}}"));
        }

        // as a newer version of this program could have left it
        StoredBytes.Replace(folder.Path, "abcdefgh", "(?=look)");
        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            var api = new ApiClient(host.Client());
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync(Widgets.Path("good.test.io"))).Code);
            Assert.Equal(HttpStatusCode.NotFound, (await api.GetAsync(Widgets.Path("bad.test.io"))).Code);
            var bad = (await api.GetAsync(Widgets.Definitions + "/widgets.bad.test.io")).Body;
            var condition = bad["status"]!["conditions"]!.AsArray().Single(c => (string?)c!["type"] == "Established")!;
            Assert.Equal(("False", "Unreadable"), ((string?)condition["status"], (string?)condition["reason"]));
            Assert.Contains("properties[spec].properties[p].pattern", (string?)condition["message"], StringComparison.Ordinal);
        }
    }

    private static async Task<List<Task<string>>> ThreeAsync(WatchLines watch)
    {
        var lines = new List<Task<string>>();
        for (var i = 0; i < 3; i++)
        {
            lines.Add(Task.FromResult(await watch.NextNameAsync()));
        }

        return lines;
    }

    private static string? Condition(JsonObject definition, string type) =>
        (string?)definition["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == type)?["status"];
}
