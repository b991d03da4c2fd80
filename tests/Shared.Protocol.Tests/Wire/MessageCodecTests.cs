using System.Text;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Wire;

public sealed class MessageCodecTests
{
    [Fact]
    public void A_keepalive_of_the_Go_agent_is_read()
    {
        var message = Read(
            """
            {"header":{"msg_id":"4cf0f7a0-6d0c-4b0e-9a3f-a0d4f0a2f3a1","timestamp":1767225600123},
             "route":{"source":"websocket","group":"resource","operation":"keepalive","resource":"node"},"content":"ping"}

            """);

        Assert.Equal("4cf0f7a0-6d0c-4b0e-9a3f-a0d4f0a2f3a1", message.Id);
        Assert.Equal(1767225600123, message.Timestamp);
        Assert.Equal(Operations.Keepalive, message.Operation);
        Assert.Equal("ping", message.ContentAsString());
    }

    [Fact]
    public void What_is_written_is_the_shape_that_KubeEdge_decodes()
    {
        var bytes = MessageCodec.ToBytes(new Message
        {
            Id = "b2",
            ParentId = "6f0e",
            Timestamp = 1767225600456,
            Source = "edgecontroller",
            Group = "resource",
            Operation = "response",
            Resource = "default/pod/web-1",
            Content = MessageContent.Ok,
        });

        Assert.Equal(
            """{"header":{"msg_id":"b2","parent_msg_id":"6f0e","timestamp":1767225600456},"route":{"source":"edgecontroller","group":"resource","operation":"response","resource":"default/pod/web-1"},"content":"OK"}""",
            Encoding.UTF8.GetString(bytes));
    }

    [Fact]
    public void Content_passes_through_as_the_sender_wrote_it()
    {
        var message = Read("""{"header":{"msg_id":"1","timestamp":1},"route":{},"content":{ "z": 1e3, "unknown":"\u003c" } }""");

        Assert.Equal("""{ "z": 1e3, "unknown":"\u003c" }""", Encoding.UTF8.GetString(message.Content.Span));
    }

    [Fact]
    public void Member_names_are_read_in_any_case_and_unknown_members_are_skipped()
    {
        var message = Read("""{"HEADER":{"MSG_ID":"1","extra":[1,{"a":2}],"timestamp":5},"Route":{"Resource":"a/b/c","destination":"x"},"more":{}}""");

        Assert.Equal("1", message.Id);
        Assert.Equal("a/b/c", message.Resource);
        Assert.True(message.Content.IsEmpty);
    }

    [Theory]
    [InlineData("", "invalid JSON")]
    [InlineData("[]", "object was expected")]
    [InlineData("{", "invalid JSON")]
    [InlineData("{} {}", "invalid JSON")]
    [InlineData("""{"header":{"timestamp":1}}""", "msg_id is missing")]
    [InlineData("""{"header":{"msg_id":"1","timestamp":"now"}}""", "timestamp must be an integer")]
    [InlineData("""{"header":{"msg_id":1,"timestamp":1}}""", "msg_id must be a string")]
    [InlineData("""{"header":7}""", "header must be an object")]
    public void What_is_not_a_message_is_refused_in_words(string text, string expected)
    {
        var error = Assert.Throws<ProtocolException>(() => Read(text));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_that_is_too_deep_is_refused()
    {
        var deep = new string('[', 1000) + new string(']', 1000);

        Assert.Throws<ProtocolException>(() => Read($$"""{"header":{"msg_id":"1","timestamp":1},"content":{{deep}}}"""));
    }

    [Fact]
    public void Random_damage_is_always_answered_with_a_protocol_error_or_a_message()
    {
        var random = new Random(20260101);
        var sound = MessageCodec.ToBytes(new Message
        {
            Id = "id",
            Timestamp = 1,
            Resource = "default/configmap/c",
            Operation = "insert",
            Content = Objects.ConfigMap("c", "u", "1").Json,
        });
        for (var round = 0; round < 20_000; round++)
        {
            var damaged = sound.ToArray();
            for (var hit = random.Next(1, 6); hit > 0; hit--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                MessageCodec.Read(damaged.AsMemory(0, random.Next(damaged.Length + 1)));
            }
            catch (ProtocolException)
            {
                // the one error that a session handles
            }
        }
    }

    private static Message Read(string text) => MessageCodec.Read(Encoding.UTF8.GetBytes(text));
}
