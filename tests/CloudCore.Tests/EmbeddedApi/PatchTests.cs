using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Patching;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

public sealed class PatchTests
{
    private static readonly SchemaText s_schema = SchemaText.LoadEmbedded();

    [Theory]
    [InlineData("members by key", """{"containers":[{"name":"a","image":"1"},{"name":"b"}]}""", """{"containers":[{"name":"a","image":"2"}]}""", """{"containers":[{"name":"a","image":"2"},{"name":"b"}]}""")]
    [InlineData("new before the rest", """{"containers":[{"name":"a"}]}""", """{"containers":[{"name":"n"}]}""", """{"containers":[{"name":"n"},{"name":"a"}]}""")]
    [InlineData("order", """{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}""", """{"$setElementOrder/containers":[{"name":"c"},{"name":"a"}]}""", """{"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]}""")]
    [InlineData("delete", """{"containers":[{"name":"a"},{"name":"b"}]}""", """{"containers":[{"name":"a","$patch":"delete"}]}""", """{"containers":[{"name":"b"}]}""")]
    [InlineData("replace list", """{"containers":[{"name":"a"}]}""", """{"containers":[{"name":"z"},{"$patch":"replace"}]}""", """{"containers":[{"name":"z"}]}""")]
    [InlineData("replace map", """{"securityContext":{"a":1}}""", """{"securityContext":{"$patch":"replace","b":2}}""", """{"securityContext":{"b":2}}""")]
    [InlineData("atomic list", """{"tolerations":[{"key":"a"}]}""", """{"tolerations":[{"key":"b"}]}""", """{"tolerations":[{"key":"b"}]}""")]
    [InlineData("null removes", """{"nodeName":"x","hostname":"h"}""", """{"nodeName":null}""", """{"hostname":"h"}""")]
    [InlineData("retain keys", """{"volumes":[{"name":"v","emptyDir":{}}]}""", """{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}""", """{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}""")]
    [InlineData("inner lists", """{"containers":[{"name":"a","env":[{"name":"X","value":"1"}],"volumeMounts":[{"mountPath":"/a","name":"v"}]}]}""", """{"containers":[{"name":"a","env":[{"name":"Y","value":"2"}],"volumeMounts":[{"mountPath":"/a","name":"w"}]}]}""", """{"containers":[{"name":"a","env":[{"name":"Y","value":"2"},{"name":"X","value":"1"}],"volumeMounts":[{"mountPath":"/a","name":"w"}]}]}""")]
    public void Strategic_patches_of_a_pod_spec(string what, string target, string patch, string expected)
    {
        var node = (JsonObject)JsonNode.Parse(target)!;
        StrategicMergePatch.Apply(node, (JsonObject)JsonNode.Parse(patch)!, s_schema.Type("PodSpec"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), node), $"{what}: {node.ToJsonString()}");
    }

    [Fact]
    public void Values_are_deleted_from_a_list_of_plain_values()
    {
        var node = (JsonObject)JsonNode.Parse("""{"finalizers":["a","b"]}""")!;
        var patch = (JsonObject)JsonNode.Parse("""{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"]}""")!;
        StrategicMergePatch.Apply(node, patch, s_schema.Type("ObjectMeta"));
        Assert.Equal("""{"finalizers":["c","b"]}""", node.ToJsonString());
    }

    [Theory]
    [InlineData("""{"a":[1,2]}""", """[{"op":"add","path":"/a/1","value":9}]""", """{"a":[1,9,2]}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"add","path":"/a/-","value":9}]""", """{"a":[1,2,9]}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"move","from":"/a/b","path":"/c"}]""", """{"a":{},"c":1}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"copy","from":"/a","path":"/a/c"}]""", """{"a":{"b":1,"c":{"b":1}}}""")]
    [InlineData("""{"x/y":{"~z":1}}""", """[{"op":"remove","path":"/x~1y/~0z"}]""", """{"x/y":{}}""")]
    [InlineData("""{"a":1}""", """[{"op":"test","path":"/a","value":1.0},{"op":"replace","path":"","value":{"b":2}}]""", """{"b":2}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"test","path":"/b","value":null},{"op":"remove","path":"/a/-1"},{"op":"add","path":"/a/-1","value":3}]""", """{"a":[1,3]}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b"}]""", """{"a":1,"b":null}""")]
    public void Json_patches(string target, string patch, string expected)
    {
        var result = JsonPatch.Apply(JsonNode.Parse(target), (JsonArray)JsonNode.Parse(patch)!);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), result), result?.ToJsonString());
    }

    [Theory]
    [InlineData("""[{"op":"remove","path":"/x"}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"add","path":"/l/9","value":2}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"remove","path":""}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"add"}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"copy","path":"/x"}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"remove","path":"/l/-9"}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"test","path":"/x","value":2}]""", StatusReason.Invalid)]
    [InlineData("""[{"op":"grow","path":"/a"}]""", StatusReason.Invalid)]
    [InlineData("""[1]""", StatusReason.BadRequest)]
    public void Json_patches_that_do_not_fit(string patch, object reason)
    {
        var error = Assert.Throws<ApiException>(
            () => JsonPatch.Apply(JsonNode.Parse("""{"a":1,"l":[]}"""), (JsonArray)JsonNode.Parse(patch)!));
        Assert.Equal(reason, error.Reason);
    }

    [Fact]
    public void Merge_patches_follow_the_rfc()
    {
        var node = (JsonObject)JsonNode.Parse("""{"a":{"b":1,"c":2},"l":[1],"s":"x"}""")!;
        MergePatch.Apply(node, (JsonObject)JsonNode.Parse("""{"a":{"b":null,"d":{"e":null}},"l":[2],"s":{"t":1}}""")!);
        Assert.Equal("""{"a":{"c":2,"d":{}},"l":[2],"s":{"t":1}}""", node.ToJsonString());
    }
}
