using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>Several versions, columns, scale, selectors: what a definition says beside its schema.</summary>
public sealed class VersionTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private ApiClient Api => fixture.Api;

    [Fact]
    public async Task Objects_are_stored_in_one_version_and_served_in_each()
    {
        const string group = "versions.test.io";
        var definition = Widgets.Json($$"""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: widgets.{{group}}}
            spec:
              group: {{group}}
              scope: Namespaced
              names: {plural: widgets, kind: Widget}
              versions:
                - {name: v1beta1, served: true, storage: false, deprecated: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}, old: {type: string, default: o} } } } } } }
                - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}, new: {type: string, default: n} } } } } } }
                - {name: v2alpha1, served: false, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true} } }
            """);
        Assert.Equal(HttpStatusCode.Created, (await Api.PostAsync(Widgets.Definitions, definition)).Code);
        var created = await Api.PostAsync(Widgets.Path(group, "v1beta1"), Widgets.Object(group, "w", "{a: x}", "v1beta1"));
        // what only the version knows that is not stored is gone, as Kubernetes has it
        Assert.Equal(($"{group}/v1beta1", null), ((string?)created.Body["apiVersion"], (string?)created.Body["spec"]!["old"]));
        Assert.Contains($"{group}/v1beta1 Widget is deprecated; use {group}/v1 Widget", created.Warnings.Single(), StringComparison.Ordinal);
        var newer = await Api.GetAsync(Widgets.Path(group) + "/w");
        Assert.Equal(($"{group}/v1", "n", (string?)null, created.Version), ((string?)newer.Body["apiVersion"], (string?)newer.Body["spec"]!["new"], (string?)newer.Body["spec"]!["old"], newer.Version));
        using var watch = await Api.WatchAsync($"{Widgets.Path(group, "v1beta1")}?watch=true");
        Assert.Equal($"{group}/v1beta1", (string?)(await watch.NextAsync())!.Value.Object["apiVersion"]);
        await Api.MergeAsync(Widgets.Path(group) + "/w", """{"spec":{"a":"y"}}""");
        var event2 = (await watch.NextAsync())!.Value;
        Assert.Equal(("MODIFIED", "y", $"{group}/v1beta1"), (event2.Type, (string?)event2.Object["spec"]!["a"], (string?)event2.Object["apiVersion"]));
        Assert.Equal(HttpStatusCode.NotFound, (await Api.GetAsync(Widgets.Path(group, "v2alpha1"))).Code);
        var versions = (await Api.GetAsync($"/apis/{group}")).Body;
        Assert.Equal(["v1", "v1beta1"], versions["versions"]!.AsArray().Select(v => (string)v!["version"]!));
        Assert.Equal("v1", (string?)versions["preferredVersion"]!["version"]);
    }

    [Fact]
    public async Task The_storage_version_can_move_and_a_version_that_is_stored_cannot_go()
    {
        const string group = "moves.test.io";
        static string Versions(string storage, bool withOld) => Widgets.Json($$"""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: widgets.{{group}}}
            spec:
              group: {{group}}
              scope: Namespaced
              names: {plural: widgets, kind: Widget}
              versions:
                - {name: v2, served: true, storage: {{(storage == "v2" ? "true" : "false")}}, schema: {openAPIV3Schema: {type: object} } }
            {{(withOld ? $"    - {{name: v1, served: true, storage: {(storage == "v1" ? "true" : "false")}, schema: {{openAPIV3Schema: {{type: object}} }} }}" : "")}}
            """);
        async Task<Answer> PutAsync(string body)
        {
            var node = (JsonObject)JsonNode.Parse(body)!;
            node["metadata"]!["resourceVersion"] = (await Api.GetAsync($"{Widgets.Definitions}/widgets.{group}")).Version;
            return await Api.PutAsync($"{Widgets.Definitions}/widgets.{group}", node.ToJsonString());
        }

        await Api.PostAsync(Widgets.Definitions, Versions("v1", true));
        await Api.PostAsync(Widgets.Path(group), Widgets.Object(group, "w", "{}"));
        var moved = await PutAsync(Versions("v2", true));
        Assert.Equal(["v1", "v2"], moved.Body["status"]!["storedVersions"]!.AsArray().Select(v => (string)v!));
        var gone = await PutAsync(Versions("v2", false));
        Assert.StartsWith($"CustomResourceDefinition.apiextensions.k8s.io \"widgets.{group}\" is invalid: status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage version", gone.Message, StringComparison.Ordinal);

        // a write that changes nothing moves the object, then the status may forget the old version
        var before = await Api.GetAsync(Widgets.Path(group) + "/w");
        var touched = await Api.PutAsync(Widgets.Path(group) + "/w", before.Body.ToJsonString());
        Assert.NotEqual(before.Version, touched.Version);
        Assert.Equal(HttpStatusCode.OK, (await Api.MergeAsync($"{Widgets.Definitions}/widgets.{group}/status", """{"status":{"storedVersions":["v2"]}}""")).Code);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(Versions("v2", false))).Code);
        Assert.Equal($"{group}/v2", (string?)(await Api.GetAsync(Widgets.Path(group, "v2") + "/w")).Body["apiVersion"]);
    }

    [Fact]
    public async Task Columns_scale_and_selectable_fields()
    {
        const string group = "columns.test.io";
        await Api.PostAsync(Widgets.Definitions, Widgets.Definition(
            group,
            "{type: object, properties: {replicas: {type: integer}, color: {type: string}, on: {type: boolean}, ratio: {type: number}}}",
            """
            subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}},
            selectableFields: [{jsonPath: .spec.color}, {jsonPath: .spec.on}, {jsonPath: .spec.replicas}],
            additionalPrinterColumns: [{name: Replicas, type: integer, jsonPath: .spec.replicas}, {name: Color, type: string, jsonPath: .spec.color, description: Its color}, {name: "On", type: boolean, jsonPath: .spec.on},
              {name: Ratio, type: number, jsonPath: .spec.ratio}, {name: Ready, type: string, jsonPath: ".status.conditions[?(@.type==\"Ready\")].status"}, {name: Since, type: date, jsonPath: .status.since, priority: 1}]
            """.ReplaceLineEndings(" ")));
        var path = Widgets.Path(group);
        await Api.PostAsync(path, Widgets.Object(group, "red", "{replicas: 2, color: red, on: true, ratio: 1.5}"));
        await Api.PostAsync(path, Widgets.Object(group, "blue", "{color: blue, on: false}"));
        await Api.MergeAsync(path + "/red/status", """{"status":{"replicas":1,"selector":"a=b","since":"nonsense","conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}}""");
        var table = (await Api.GetAsync(path, "application/json;as=Table;g=meta.k8s.io;v=v1")).Body;
        Assert.Equal(["Name", "Replicas", "Color", "On", "Ratio", "Ready", "Since"], table["columnDefinitions"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Equal(("Its color", 1L), ((string?)table["columnDefinitions"]![2]!["description"], (long)table["columnDefinitions"]![6]!["priority"]!));
        Assert.Equal("""["red",2,"red",true,1.5,"True","\u003Cinvalid\u003E"]""", table["rows"]![1]!["cells"]!.ToJsonString());
        Assert.Equal("""["blue",null,"blue",false,null,null,null]""", table["rows"]![0]!["cells"]!.ToJsonString());
        var red = await Api.GetAsync(path + "?fieldSelector=spec.color%3Dred,spec.on%3Dtrue,spec.replicas%3D2");
        Assert.Equal("red", (string?)red.Body["items"]!.AsArray().Single()!["metadata"]!["name"]);
        Assert.Equal("field label not supported: spec.ratio", (await Api.GetAsync(path + "?fieldSelector=spec.ratio%3D1")).Message);
        var scale = (await Api.GetAsync(path + "/red/scale")).Body;
        Assert.Equal(("Scale", 2L, 1L, "a=b"), ((string?)scale["kind"], (long)scale["spec"]!["replicas"]!, (long)scale["status"]!["replicas"]!, (string?)scale["status"]!["selector"]));
        scale["spec"]!["replicas"] = 5;
        Assert.Equal(HttpStatusCode.OK, (await Api.PutAsync(path + "/red/scale", scale.ToJsonString())).Code);
        var scaled = await Api.GetAsync(path + "/red");
        Assert.Equal((5L, 2L), ((long)scaled.Body["spec"]!["replicas"]!, (long)scaled.Body["metadata"]!["generation"]!));
    }

    [Theory]
    [InlineData(".a.b", "\"x\"")]
    [InlineData(".list[1]", "20")]
    [InlineData(".list[-1]", "30")]
    [InlineData(".list[0:2]", "10")]
    [InlineData(".objects[*].n", "1")]
    [InlineData(".objects[?(@.k==\"b\")].n", "2")]
    [InlineData(".objects[?(@.k=='b')].n", "2")]
    [InlineData(".objects[?(@.n>1)].k", "\"b\"")]
    [InlineData(".objects[?(@.only)].k", "\"c\"")]
    [InlineData("..deep", "7")]
    [InlineData(".a['b']", "\"x\"")]
    [InlineData(".dotted\\.name", "1")]
    [InlineData(".missing.b", null)]
    public void Paths_find_what_kubectl_finds(string path, string? first)
    {
        using var document = JsonDocument.Parse("""
            {"a":{"b":"x"},"list":[10,20,30],"objects":[{"k":"a","n":1},{"k":"b","n":2},{"k":"c","n":0,"only":true}],"far":{"off":{"deep":7}},"dotted.name":1}
            """);
        Assert.True(JsonPath.TryParse(path, out var parsed, out _));
        var found = parsed!.First(document.RootElement);
        Assert.Equal(first, found.ValueKind == JsonValueKind.Undefined ? null : found.GetRawText());
    }

    [Fact]
    public void Versions_are_ordered_as_kubernetes_orders_them()
    {
        string[] expected = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"];
        Assert.Equal(expected, expected.Reverse().Order(KubeVersionOrder.BestFirst));
    }
}
