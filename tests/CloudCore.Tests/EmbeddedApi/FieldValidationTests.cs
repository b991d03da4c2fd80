using System.Net;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>Fields that do not belong there, stand twice or have another type: what is refused, said or passed over.</summary>
public sealed class FieldValidationTests
{
    private const string Maps = ApiClient.Core + "/configmaps";
    private const string Odd = """{"metadata":{"name":"c","foo":1},"data":{"a":"1","a":"2"},"bar":{"x":1}}""";

    [Fact]
    public async Task Strict_refuses_unknown_and_duplicate_fields_and_names_them()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        var refused = await client.PostAsync(Maps + "?fieldValidation=Strict", Odd);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Code);
        Assert.Equal(
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"metadata.foo\", unknown field \"bar\", duplicate field \"data.a\"",
            refused.Message);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Maps + "/c")).Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?fieldValidation=Warn")]
    public async Task Otherwise_the_caller_is_warned_and_the_last_of_two_counts(string query)
    {
        await using var host = await ApiHost.StartAsync();
        var made = await new ApiClient(host.Client()).PostAsync(Maps + query, Odd);
        Assert.Equal(HttpStatusCode.Created, made.Code);
        Assert.Equal("""{"a":"2"}""", made.Body["data"]!.ToJsonString());
        Assert.Equal(
            ["299 - \"unknown field \\\"metadata.foo\\\"\"", "299 - \"unknown field \\\"bar\\\"\"", "299 - \"duplicate field \\\"data.a\\\"\""],
            made.Warnings);
    }

    [Fact]
    public async Task Ignore_says_nothing()
    {
        await using var host = await ApiHost.StartAsync();
        var made = await new ApiClient(host.Client()).PostAsync(Maps + "?fieldValidation=Ignore", Odd);
        Assert.Equal(HttpStatusCode.Created, made.Code);
        Assert.Empty(made.Warnings);
    }

    [Theory]
    [InlineData("application/strategic-merge-patch+json", """{"foo":{"b":[1,"x"],"a":null}}""", "Invalid value: \"map[foo:map[a:<nil> b:[1 x]]]\": strict decoding error: unknown field \"foo\"")]
    [InlineData("application/merge-patch+json", """{"metadata":{"bar":1}}""", "strict decoding error: unknown field \"metadata.bar\"")]
    [InlineData("application/json-patch+json", """[{"op":"add","path":"/foo","value":1}]""", "strict decoding error: unknown field \"foo\"")]
    [InlineData("application/merge-patch+json", """{"data":{"b":"1","b":"2"}}""", "strict decoding error: duplicate field \"data.b\"")]
    public async Task Of_a_patch_it_is_said_that_the_patch_is_invalid(string type, string patch, string why)
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        await client.PostAsync(Maps, """{"metadata":{"name":"c"}}""");
        var refused = await client.SendAsync(HttpMethod.Patch, Maps + "/c?fieldValidation=Strict", patch, type);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Code);
        Assert.StartsWith(" \"\" is invalid: patch: Invalid value: ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(why, refused.Message, StringComparison.Ordinal);
        Assert.Equal("patch", (string?)refused.Body["details"]!["causes"]![0]!["field"]);
    }

    [Theory]
    [InlineData("""{"minReadySeconds":"x"}""", "json: cannot unmarshal string into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32")]
    [InlineData("""{"minReadySeconds":1.5}""", "json: cannot unmarshal number 1.5 into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32")]
    [InlineData("""{"minReadySeconds":3000000000}""", "json: cannot unmarshal number 3000000000 into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32")]
    [InlineData("""{"template":[]}""", "json: cannot unmarshal array into Go struct field DaemonSetSpec.spec.template of type v1.PodTemplateSpec")]
    [InlineData("""{"template":{"spec":{"containers":[{"name":1}]}}}""", "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string")]
    [InlineData("""{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":true}}}]}}}""", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    public async Task A_wrong_type_is_told_in_the_words_of_a_go_server(string spec, string why)
    {
        await using var host = await ApiHost.StartAsync();
        var refused = await new ApiClient(host.Client()).PostAsync(ApiClient.Apps + "/daemonsets", $$"""{"metadata":{"name":"d"},"spec":{{spec}}}""");
        Assert.Equal(HttpStatusCode.BadRequest, refused.Code);
        Assert.Equal($"DaemonSet in version \"v1\" cannot be handled as a DaemonSet: {why}", refused.Message);
    }
}
