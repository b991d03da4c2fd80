using System.Net;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>What a schema does to objects. The words are those of a real API server.</summary>
public sealed class SchemaTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Shape = """
        {type: object, required: [size], properties: {
          size: {type: integer, format: int32, minimum: 1, maximum: 10, multipleOf: 2},
          ratio: {type: number, exclusiveMinimum: true, minimum: 0},
          name: {type: string, pattern: "^[a-z]+$", minLength: 2, maxLength: 5},
          color: {type: string, enum: [red, green]},
          at: {type: string, format: date-time},
          port: {x-kubernetes-int-or-string: true},
          tags: {type: array, maxItems: 3, minItems: 1, x-kubernetes-list-type: set, items: {type: string}},
          parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, required: [id], properties: {id: {type: string}, n: {type: integer}}}},
          labels: {type: object, maxProperties: 2, additionalProperties: {type: string}},
          maybe: {type: string, nullable: true},
          free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: object, properties: {a: {type: string}}}}},
          object: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true},
          one: {type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]},
          any: {type: object, properties: {a: {type: string}, b: {type: string}}, anyOf: [{required: [a]}, {required: [b]}]},
          all: {type: string, allOf: [{minLength: 2}, {pattern: "^x"}]},
          none: {type: string, not: {enum: [bad]}}
        }}
        """;

    private ApiClient Api => fixture.Api;

    [Theory]
    [InlineData("{}", "spec.size: Required value")]
    [InlineData("{size: big}", "spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"")]
    [InlineData("{size: 12}", "spec.size: Invalid value: 12: spec.size in body should be less than or equal to 10")]
    [InlineData("{size: 0}", "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1")]
    [InlineData("{size: 3}", "spec.size: Invalid value: 3: spec.size in body should be a multiple of 2")]
    [InlineData("{size: 2.5}", "spec.size: Invalid value: \"number\": spec.size in body must be of type integer: \"number\"", "spec.size: Invalid value: 2.5: spec.size in body should be a multiple of 2")]
    [InlineData("{size: 4294967296}", "<nil>: Invalid value: \"\": Checked value must be of type integer with format int32 in spec.size", "spec.size: Invalid value: 4294967296: spec.size in body should be less than or equal to 10")]
    [InlineData("{size: 2, ratio: 0}", "spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0")]
    [InlineData("{size: 2, name: A}", "spec.name: Invalid value: \"A\": spec.name in body should be at least 2 chars long", "spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'")]
    [InlineData("{size: 2, name: abcdef}", "spec.name: Too long: may not be more than 5 bytes")]
    [InlineData("{size: 2, color: blue}", "spec.color: Unsupported value: \"blue\": supported values: \"red\", \"green\"")]
    [InlineData("{size: 2, at: yesterday}", "spec.at: Invalid value: \"yesterday\": spec.at in body must be of type date-time: \"yesterday\"")]
    [InlineData("{size: 2, port: true}", "spec.port: Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"")]
    [InlineData("{size: 2, tags: []}", "spec.tags: Invalid value: 0: spec.tags in body should have at least 1 items")]
    [InlineData("{size: 2, tags: [a, b, c, d]}", "spec.tags: Too many: 4: must have at most 3 items")]
    [InlineData("{size: 2, tags: [a, b, a]}", "spec.tags[2]: Duplicate value: \"a\"")]
    [InlineData("{size: 2, parts: [{id: x}, {id: x, n: 2}]}", "spec.parts[1]: Duplicate value: {\"id\":\"x\"}")]
    [InlineData("{size: 2, parts: [{n: 1}]}", "spec.parts[0].id: Required value")]
    [InlineData("{size: 2, parts: [7]}", "spec.parts[0]: Invalid value: \"integer\": spec.parts[0] in body must be of type object: \"integer\"")]
    [InlineData("{size: 2, labels: {a: b, c: 7}}", "spec.labels.c: Invalid value: \"integer\": spec.labels.c in body must be of type string: \"integer\"")]
    [InlineData("{size: 2, labels: {a: b, c: d, e: f}}", "spec.labels: Too many: 3: must have at most 2 items")]
    [InlineData("{size: 2, object: {kind: \"\"}}", "spec.object.apiVersion: Required value", "spec.object.kind: Invalid value: \"\": must not be empty")]
    [InlineData("{size: 2, one: {}}", "<nil>: Invalid value: \"\": \"spec.one\" must validate one and only one schema (oneOf). Found none valid", "spec.one.a: Required value")]
    [InlineData("{size: 2, one: {a: x, b: y}}", "<nil>: Invalid value: \"\": \"spec.one\" must validate one and only one schema (oneOf). Found 2 valid alternatives")]
    [InlineData("{size: 2, any: {}}", "<nil>: Invalid value: \"\": \"spec.any\" must validate at least one schema (anyOf)", "spec.any.a: Required value")]
    [InlineData("{size: 2, all: xx0, none: bad}", "<nil>: Invalid value: \"\": \"spec.none\" must not validate the schema (not)")]
    [InlineData("{size: 2, all: \"y\"}", "spec.all: Invalid value: \"y\": spec.all in body should be at least 2 chars long", "spec.all: Invalid value: \"y\": spec.all in body should match '^x'", "<nil>: Invalid value: \"\": \"spec.all\" must validate all the schemas (allOf). None validated")]
    public async Task Values_that_do_not_fit_are_refused_in_kubernetes_words(string spec, params string[] messages)
    {
        await DefineAsync("values.test.io", Shape);
        var answer = await Api.PostAsync(Widgets.Path("values.test.io"), Widgets.Object("values.test.io", "bad", spec));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        Assert.StartsWith("Widget.values.test.io \"bad\" is invalid: ", answer.Message, StringComparison.Ordinal);
        var causes = answer.Body["details"]!["causes"]!.AsArray().Select(c => $"{c!["field"]}: {c["message"]}");
        Assert.Equal(messages.Order(StringComparer.Ordinal), causes.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_fits_is_stored_and_what_the_schema_does_not_know_is_removed()
    {
        await DefineAsync("prune.test.io", Shape);
        var body = Widgets.Object("prune.test.io", "w", """
            {size: 2.0, ratio: 1, port: http, maybe: null, extra: 1, color: null, tags: [x],
             parts: [{id: a, other: 1}], labels: {a: b}, one: {a: x}, any: {a: x, b: y}, all: xy,
             free: {anything: {goes: true}, known: {a: x, b: y}}, object: {apiVersion: v1, kind: Pod, metadata: {name: p, wrong: 1}, spec: {a: b}}}
            """);
        var created = await Api.PostAsync(Widgets.Path("prune.test.io"), body);
        Assert.Equal(HttpStatusCode.Created, created.Code);
        Assert.Equal(
            Widgets.Json("""
                {size: 2.0, ratio: 1, port: http, maybe: null, tags: [x], parts: [{id: a}], labels: {a: b}, one: {a: x}, any: {a: x, b: y}, all: xy,
                 free: {anything: {goes: true}, known: {a: x}}, object: {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {a: b}}}
                """),
            created.Body["spec"]!.ToJsonString());
        Assert.Equal(
            ["extra", "free.known.b", "object.metadata.wrong", "parts[0].other"],
            created.Warnings.Select(w => w.Split("\\\"spec.")[1].Split("\\\"")[0]));
        var strict = await Api.PostAsync(Widgets.Path("prune.test.io") + "?fieldValidation=Strict", body);
        Assert.Equal(HttpStatusCode.BadRequest, strict.Code);
        Assert.Contains("strict decoding error: unknown field \"spec.extra\"", strict.Message, StringComparison.Ordinal);
        var ignored = await Api.PutAsync(Widgets.Path("prune.test.io") + "/w?fieldValidation=Ignore", With(created.Body, "unheard", 1));
        Assert.Equal((HttpStatusCode.OK, 0), (ignored.Code, ignored.Warnings.Count));
        Assert.Equal(1L, (long)ignored.Body["metadata"]!["generation"]!);
    }

    [Fact]
    public async Task Defaults_come_on_writes_and_newer_ones_on_reads_without_a_write()
    {
        const string group = "defaults.test.io";
        await DefineAsync(group, "{type: object, properties: {mode: {type: string, default: fast}, list: {type: array, items: {type: object, properties: {n: {type: integer, default: 7}}}}}}");
        var created = await Api.PostAsync(Widgets.Path(group), Widgets.Object(group, "w", "{list: [{}], mode: null}"));
        Assert.Equal("""{"list":[{"n":7}],"mode":"fast"}""", created.Body["spec"]!.ToJsonString());
        using var watch = await Api.WatchAsync(Widgets.Path(group) + "?watch=true");
        Assert.Equal("ADDED w", await watch.NextNameAsync());
        var definition = (await Api.GetAsync($"{Widgets.Definitions}/widgets.{group}")).Body;
        definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["spec"]!["properties"]!["deep"] =
            JsonNode.Parse("""{"type":"object","default":{},"properties":{"x":{"type":"string","default":"y"}}}""");
        Assert.Equal(HttpStatusCode.OK, (await Api.PutAsync($"{Widgets.Definitions}/widgets.{group}", definition.ToJsonString())).Code);
        Assert.Equal("END", await watch.NextNameAsync());
        var read = await Api.GetAsync(Widgets.Path(group) + "/w");
        Assert.Equal(("y", created.Version), ((string?)read.Body["spec"]!["deep"]!["x"], read.Version));
        var list = await Api.GetAsync(Widgets.Path(group));
        Assert.Equal("y", (string?)list.Body["items"]![0]!["spec"]!["deep"]!["x"]);
        using var again = await Api.WatchAsync(Widgets.Path(group) + "?watch=true");
        Assert.Equal("y", (string?)(await again.NextAsync())!.Value.Object["spec"]!["deep"]!["x"]);
        var touched = await Api.MergeAsync(Widgets.Path(group) + "/w", """{"metadata":{"labels":{"a":"b"}}}""");
        Assert.Equal((1L, "y"), ((long)touched.Body["metadata"]!["generation"]!, (string?)touched.Body["spec"]!["deep"]!["x"]));
    }

    [Fact]
    public async Task An_update_is_not_refused_for_what_it_leaves_as_it_was()
    {
        const string group = "ratchet.test.io";
        await DefineAsync(group, "{type: object, properties: {a: {type: string}, b: {type: string}, list: {type: array, items: {type: string}}}}");
        await Api.PostAsync(Widgets.Path(group), Widgets.Object(group, "w", "{a: long, list: [x, x]}"));
        var definition = (await Api.GetAsync($"{Widgets.Definitions}/widgets.{group}")).Body;
        var spec = definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["spec"]!["properties"]!;
        spec["a"]!["maxLength"] = 2;
        spec["list"]!["x-kubernetes-list-type"] = "set";
        Assert.Equal(HttpStatusCode.OK, (await Api.PutAsync($"{Widgets.Definitions}/widgets.{group}", definition.ToJsonString())).Code);
        Assert.Equal(HttpStatusCode.OK, (await Api.MergeAsync(Widgets.Path(group) + "/w", """{"spec":{"b":"c"}}""")).Code);
        var refused = await Api.MergeAsync(Widgets.Path(group) + "/w", """{"spec":{"a":"longer"}}""");
        Assert.Equal("Widget.ratchet.test.io \"w\" is invalid: spec.a: Too long: may not be more than 2 bytes", refused.Message);
        Assert.Equal(HttpStatusCode.OK, (await Api.MergeAsync(Widgets.Path(group) + "/w", """{"spec":{"a":"ok","list":["x"]}}""")).Code);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await Api.MergeAsync(Widgets.Path(group) + "/w", """{"spec":{"list":["x","x"]}}""")).Code);
    }

    [Fact]
    public async Task The_status_is_written_alone_and_checked_alone()
    {
        const string group = "status.test.io";
        await Api.PostAsync(Widgets.Definitions, Widgets.Definition(
            group, "{type: object, properties: {a: {type: string}}}", status: "{type: object, properties: {n: {type: integer, maximum: 5}}}"));
        var path = Widgets.Path(group);
        var created = await Api.PostAsync(path, Widgets.Json($"{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: w}}, spec: {{a: b}}, status: {{n: 3}}}}"));
        Assert.Null(created.Body["status"]);
        var set = await Api.MergeAsync(path + "/w/status", """{"status":{"n":3},"spec":{"a":"c"}}""");
        Assert.Equal((HttpStatusCode.OK, 3L, "b", 1L), (set.Code, (long)set.Body["status"]!["n"]!, (string?)set.Body["spec"]!["a"], (long)set.Body["metadata"]!["generation"]!));
        var refused = await Api.MergeAsync(path + "/w/status", """{"status":{"n":9}}""");
        Assert.Equal("Widget.status.test.io \"w\" is invalid: status.n: Invalid value: 9: status.n in body should be less than or equal to 5", refused.Message);
        var spec = await Api.MergeAsync(path + "/w", """{"status":{"n":1},"spec":{"a":"c"}}""");
        Assert.Equal((3L, "c", 2L), ((long)spec.Body["status"]!["n"]!, (string?)spec.Body["spec"]!["a"], (long)spec.Body["metadata"]!["generation"]!));
    }

    [Fact]
    public async Task Without_a_status_subresource_the_status_is_a_field_like_others()
    {
        const string group = "nostatus.test.io";
        await Api.PostAsync(Widgets.Definitions, Widgets.Definition(group, "{type: object}", more: ""));
        var created = await Api.PostAsync(Widgets.Path(group), Widgets.Json($"{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: w}}, status: {{n: 3}}}}"));
        Assert.Equal(3L, (long)created.Body["status"]!["n"]!);
        var changed = await Api.MergeAsync(Widgets.Path(group) + "/w", """{"status":{"n":4}}""");
        Assert.Equal(2L, (long)changed.Body["metadata"]!["generation"]!);
        Assert.Equal(HttpStatusCode.NotFound, (await Api.GetAsync(Widgets.Path(group) + "/w/status")).Code);
    }

    [Fact]
    public async Task Custom_resources_take_no_strategic_patch_no_protobuf_and_no_update_without_a_version()
    {
        const string group = "types.test.io";
        await DefineAsync(group, "{type: object, x-kubernetes-preserve-unknown-fields: true}");
        var path = Widgets.Path(group);
        var created = await Api.PostAsync(path, Widgets.Object(group, "w", "{}"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await Api.StrategicAsync(path + "/w", "{}")).Code);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await Api.PostAsync(path, "k8s\0", "application/vnd.kubernetes.protobuf")).Code);
        created.Body["metadata"]!.AsObject().Remove("resourceVersion");
        var unversioned = await Api.PutAsync(path + "/w", created.Body.ToJsonString());
        Assert.Equal("Widget.types.test.io \"w\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update", unversioned.Message);
        var wrong = await Api.PostAsync(path, Widgets.Json($"{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: x, labels: {{a: 7}}}}}}"));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.Code);
    }

    private async Task DefineAsync(string group, string spec)
    {
        var answer = await Api.PostAsync(Widgets.Definitions, Widgets.Definition(group, spec));
        Assert.True(answer.Code is HttpStatusCode.Created or HttpStatusCode.Conflict, answer.Message);
    }

    private static string With(JsonObject node, string member, int value)
    {
        node["spec"]![member] = value;
        return node.ToJsonString();
    }
}
