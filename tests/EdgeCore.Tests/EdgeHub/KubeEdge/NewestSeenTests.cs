using EdgeSync.EdgeCore.EdgeHub.KubeEdge;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

public sealed class NewestSeenTests
{
    private static readonly ObjectKey s_pod = new("default", ResourceTypes.Pod, "p1");

    private readonly NewestSeen _seen = new();

    [Fact]
    public void An_answer_that_is_older_than_a_push_is_no_news()
    {
        Note("pod-deleting"); // 474

        Assert.False(_seen.IsNews(s_pod, Object("pod-insert"))); // 470
        Assert.True(_seen.IsNews(s_pod, Object("pod-delete"))); // 484
    }

    [Fact]
    public void An_answer_from_before_a_delete_brings_nothing_back()
    {
        Note("pod-insert");
        Note("pod-delete");

        Assert.False(_seen.IsNews(s_pod, Object("pod-deleting")));
    }

    [Fact]
    public void Without_a_push_every_answer_is_news() => Assert.True(_seen.IsNews(s_pod, Object("pod-insert")));

    [Fact]
    public void Deletions_are_forgotten_when_no_answer_is_under_way()
    {
        Note("pod-delete");
        _seen.Note(Message("device-away-delete"), forgetDeleted: true);

        Assert.True(_seen.IsNews(s_pod, Object("pod-insert")));
    }

    private static Message Message(string golden) => MessageCodec.Read(GoldenMessages.Frame(GoldenMessages.Read(golden)));

    private static KubeObject Object(string golden) => KubeObject.Parse(Message(golden).Content);

    private void Note(string golden) => _seen.Note(Message(golden), forgetDeleted: false);
}
