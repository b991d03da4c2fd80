using EdgeSync.EdgeCore.EdgeHub.KubeEdge;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>Recorded answers, each as what it is: an object, or a failure that must never be stored as one.</summary>
public sealed class ObjectAnswerTests
{
    [Theory]
    [InlineData("node-insert-answer", "edge-1")]
    [InlineData("node-patch-answer", "edge-1")]
    [InlineData("lease-answer", "edge-1")]
    [InlineData("pod-patch-answer", "web-1")]
    [InlineData("configmap-answer", "app-cfg")]
    [InlineData("secret-answer", "app-secret")]
    public void An_object_is_found(string golden, string name)
    {
        var answer = Read(golden);

        Assert.True(answer.Succeeded);
        Assert.Equal(name, KubeObject.Parse(answer.Object).Name);
    }

    [Theory]
    [InlineData("node-insert-exists", 409, "nodes \"edge-1\" already exists")]
    [InlineData("lease-missing", 404, "lease.coordination.k8s.io \"edge-1\" not found")]
    [InlineData("secret-missing", 404, "secret \"nope\" not found")]
    [InlineData("pod-patch-gone", 404, "pods \"gone\" not found")]
    [InlineData("pod-patch-other-uid", 422, null)]
    public void A_failure_is_no_object(string golden, int code, string? problem)
    {
        var answer = Read(golden);

        Assert.Equal(code, answer.Code);
        Assert.True(answer.Object.IsEmpty);
        Assert.Equal(problem ?? answer.Problem, answer.Problem);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("\"some text\"")]
    [InlineData("[]")]
    [InlineData("""{"Object":null,"Err":null}""")]
    [InlineData("""{"Object":{"metadata":{}},"Err":{}}""")]
    [InlineData("""{"ErrStatus":{"code":"many"}}""")]
    [InlineData("""{"ErrStatus":{"code":0}}""")]
    public void What_says_nothing_is_a_failure_that_may_pass(string content)
    {
        var answer = ObjectAnswer.Read(new Message { Id = "a", Content = System.Text.Encoding.UTF8.GetBytes(content) });

        Assert.Equal(ObjectAnswer.NoStatus, answer.Code);
        Assert.True(answer.Object.IsEmpty);
    }

    [Fact]
    public void A_written_object_without_content_of_its_own_is_ok() => Assert.True(Read("pod-delete-answer").Succeeded);

    private static ObjectAnswer Read(string golden) => ObjectAnswer.Read(MessageCodec.Read(GoldenMessages.Frame(GoldenMessages.Read(golden))));
}
