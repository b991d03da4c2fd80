using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Protocol.Tests.Kubernetes;

public sealed class KubeObjectTests
{
    [Fact]
    public void Metadata_is_read_and_the_bytes_are_kept()
    {
        var json = """{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"7","deletionTimestamp":"2026-01-01T00:00:00Z","labels":{"name":"not-this"}},"spec":{"nodeName":"n"}}""";
        var pod = Parse(json);

        Assert.Equal(("Pod", "v1", "default", "web", "u", "7", true), (pod.Kind, pod.ApiVersion, pod.Namespace, pod.Name, pod.Uid, pod.ResourceVersion, pod.IsDeleting));
        Assert.Equal(json, Encoding.UTF8.GetString(pod.Json.Span));
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"a","resourceVersion":"2","generation":2,"managedFields":[{"a":1}]},"spec":{"x":1},"status":{"phase":"Running"}}""")]
    [InlineData("""{ "metadata" : { "name":"a" } , "spec":{"x":1}}""")]
    public void Status_version_and_layout_do_not_count_as_content(string other) =>
        Assert.Equal(Parse("""{"metadata":{"name":"a","resourceVersion":"1"},"spec":{"x":1},"status":{"phase":"Pending"}}""").ContentHash, Parse(other).ContentHash);

    [Theory]
    [InlineData("""{"metadata":{"name":"a"},"spec":{"x":2}}""")]
    [InlineData("""{"metadata":{"name":"a","labels":{"l":"v"}},"spec":{"x":1}}""")]
    [InlineData("""{"metadata":{"name":"a","deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"x":1}}""")]
    [InlineData("""{"metadata":{"name":"a"},"spec":{"x":1,"status":{"nested":true}}}""")]
    [InlineData("""{"metadata":{"name":"a"},"spec":{"x":"1"}}""")]
    public void What_is_asked_for_counts_as_content(string other) =>
        Assert.NotEqual(Parse("""{"metadata":{"name":"a"},"spec":{"x":1}}""").ContentHash, Parse(other).ContentHash);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"metadata":[]}""")]
    [InlineData("""{"metadata":{"name":5}}""")]
    [InlineData("{}{}")]
    public void What_is_not_an_object_is_refused(string json) =>
        Assert.Throws<KubeObjectException>(() => Parse(json));

    /// <summary>Hub and agent compare hashes that the other has made, maybe of another version: what is hashed may never change.</summary>
    [Theory]
    [InlineData("""{"metadata":{"name":"a","labels":{"l":"v\u00e4"},"resourceVersion":"1"},"spec":{"x":[1,-2.5,true,null,"",{}],"y":[]},"status":{"phase":"Pending"}}""")]
    [InlineData("""{"kind":"ConfigMap","data":{"k":"\"quoted\"\n"}}""")]
    [InlineData("{}")]
    [InlineData("""{"a":[[[],[],[],[],[],[],[],[],[],[]],[[],[],[],[],[],[],[],[],[],[]],[[],[],[],[],[],[],[],[],[],[]],{"b":{},"c":{}}]}""")]
    public void The_content_is_hashed_token_by_token(string json)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.GetString() is "status" or "resourceVersion")
            {
                reader.Skip();
                continue;
            }

            hash.AppendData([(byte)reader.TokenType]);
            hash.AppendData(reader.ValueSpan);
        }

        Assert.Equal(BinaryPrimitives.ReadUInt64BigEndian(hash.GetHashAndReset()), Parse(json).ContentHash);
    }

    [Theory]
    [InlineData("""{"spec":{"nodeName":"shop-17"}}""", "shop-17")]
    [InlineData("""{"other":{"nodeName":"no"},"spec":{"inner":{"nodeName":"no"},"nodeName":"shop-17"}}""", "shop-17")]
    [InlineData("""{"spec":{"inner":{"nodeName":"no"}}}""", null)]
    [InlineData("""{"spec":{"nodeName":7}}""", null)]
    [InlineData("""{"spec":{"nodeName":"\ud800"}}""", null)]
    [InlineData("""{"spec":[]}""", null)]
    [InlineData("{}", null)]
    public void One_text_is_read_without_a_view(string json, string? text) =>
        Assert.Equal(text, Parse(json).Text("spec"u8, "nodeName"u8));

    private static KubeObject Parse(string json) => KubeObject.Parse(Encoding.UTF8.GetBytes(json));
}
