using System.Text;
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

    private static KubeObject Parse(string json) => KubeObject.Parse(Encoding.UTF8.GetBytes(json));
}
