using System.Text;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Tunnel;

public sealed class TunnelMessageTests
{
    [Theory]
    [InlineData("0100", 1, TunnelMessageType.LogsConnect, "")]
    [InlineData("ac0203", 300, TunnelMessageType.Data, "")]
    [InlineData("c8010341", 200, TunnelMessageType.Data, "41")]
    [InlineData("ffffffffffffffffff0104", ulong.MaxValue, TunnelMessageType.RemoveConnect, "")]
    [InlineData("000562796521", 0, TunnelMessageType.CloseConnect, "62796521")]
    public void Messages_of_KubeEdge_read_as_what_they_are_and_are_written_the_same(string hex, ulong id, TunnelMessageType type, string data)
    {
        var message = TunnelMessage.Read(Convert.FromHexString(hex));

        Assert.Equal(id, message.Id);
        Assert.Equal(type, message.Type);
        Assert.Equal(data, Convert.ToHexStringLower(message.Data.Span));
        var head = new byte[TunnelMessage.MaxHeadBytes];
        Assert.Equal(hex, Convert.ToHexStringLower([.. head[..message.WriteHead(head)], .. message.Data.Span]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("01")]
    [InlineData("0180")]
    [InlineData("ffffffffffffffffffff01")]
    [InlineData("ffffffffffffffffff0203")]
    public void A_message_without_a_whole_head_is_refused(string hex) =>
        Assert.Throws<ProtocolException>(() => TunnelMessage.Read(Convert.FromHexString(hex)));

    [Fact]
    public void A_grant_reads_as_it_was_written() => Assert.Equal(70_000, TunnelMessage.Grant(3, 70_000).ReadCredit());

    [Fact]
    public void The_request_that_KubeEdges_cloud_sends_is_read()
    {
        // as cloudcore v1.23 writes it for kubectl exec
        var request = TunnelRequest.Read(Encoding.UTF8.GetBytes(
            """
            {"MessID":1,"method":"POST","url":{"Scheme":"http","Opaque":"","User":null,"Host":"127.0.0.1:10350","Path":"/exec/default/web-1/nginx","RawPath":"","OmitHost":false,"ForceQuery":false,"RawQuery":"command=ls\u0026command=-l+%2F\u0026error=1\u0026output=1","Fragment":"","RawFragment":""},"header":{"Connection":["Upgrade"],"Upgrade":["SPDY/3.1"],"X-Stream-Protocol-Version":["v4.channel.k8s.io","v3.channel.k8s.io"]}}
            """));

        Assert.Equal("POST", request.Method);
        Assert.Equal("/exec/default/web-1/nginx", request.Path);
        Assert.Equal("command=ls&command=-l+%2F&error=1&output=1", request.Query);
        Assert.Equal("SPDY/3.1", request.Header("upgrade"));
        Assert.Equal(2, request.Headers.Count(h => h.Key == "X-Stream-Protocol-Version"));
    }

    [Fact]
    public void A_request_reads_as_it_was_written()
    {
        var request = new TunnelRequest("GET", "/containerLogs/ns/p/ü", "follow=true", [new("Accept", "a"), new("accept", "b")]);

        var read = TunnelRequest.Read(request.Write(7));

        Assert.Equal((request.Method, request.Path, request.Query), (read.Method, read.Path, read.Query));
        Assert.Equal(["a", "b"], read.Headers.Select(h => h.Value));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"url\":{}}")]
    [InlineData("{\"url\":{\"Path\":\"exec\"}}")]
    [InlineData("{\"url\":{\"Path\":7}}")]
    [InlineData("{\"url\":{\"Path\":\"/x\"},\"header\":{\"a\":[1]}}")]
    public void A_request_that_is_none_is_refused(string json) =>
        Assert.Throws<ProtocolException>(() => TunnelRequest.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Mutated_messages_are_read_or_refused()
    {
        var random = new Random(1);
        byte[][] corpus = [new TunnelRequest("GET", "/stats/summary", "", [new("A", "b")]).Write(300), Convert.FromHexString("c8010341424344")];
        for (var i = 0; i < 20_000; i++)
        {
            var input = corpus[random.Next(corpus.Length)].ToArray();
            for (var edits = random.Next(4); edits >= 0; edits--)
            {
                input[random.Next(input.Length)] = (byte)random.Next(256);
            }

            input = input[..random.Next(input.Length + 1)];
            foreach (var read in new Action[] { () => TunnelMessage.Read(input), () => TunnelRequest.Read(input) })
            {
                try
                {
                    read();
                }
                catch (ProtocolException)
                {
                    // the one exception that callers handle
                }
            }
        }
    }
}
