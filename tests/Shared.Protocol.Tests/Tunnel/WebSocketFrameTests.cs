using System.Text;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Tunnel;

/// <summary>The examples of RFC 6455, 5.7, and what it forbids.</summary>
public sealed class WebSocketFrameTests
{
    [Theory]
    [InlineData("810548656c6c6f", false, WebSocketOpcode.Text, true, 5)]
    [InlineData("818537fa213d7f9f4d5158", true, WebSocketOpcode.Text, true, 5)]
    [InlineData("010348656c", false, WebSocketOpcode.Text, false, 3)]
    [InlineData("80026c6f", false, WebSocketOpcode.Continuation, true, 2)]
    [InlineData("890548656c6c6f", false, WebSocketOpcode.Ping, true, 5)]
    [InlineData("8a8537fa213d7f9f4d5158", true, WebSocketOpcode.Pong, true, 5)]
    [InlineData("827e0100", false, WebSocketOpcode.Binary, true, 256)]
    [InlineData("827f0000000000010000", false, WebSocketOpcode.Binary, true, 65536)]
    public void Frames_of_the_standard_are_read_and_written_the_same(string hex, bool masked, WebSocketOpcode opcode, bool final, long length)
    {
        var bytes = Convert.FromHexString(hex);

        Assert.True(WebSocketFrame.TryRead(bytes, masked, out var frame, out var head));

        Assert.Equal((opcode, final, length), (frame.Opcode, frame.IsFinal, frame.Length));
        var written = new byte[WebSocketFrame.MaxHeadBytes];
        Assert.Equal(bytes[..head], written[..frame.Write(written)]);
        if (frame.Mask is { } mask)
        {
            WebSocketFrame.Apply(bytes.AsSpan(head), mask, 0);
            Assert.Equal("Hello", Encoding.ASCII.GetString(bytes, head, bytes.Length - head));
        }

        for (var i = 0; i < head; i++)
        {
            Assert.False(WebSocketFrame.TryRead(bytes.AsSpan(0, i), masked, out _, out _));
        }
    }

    [Theory]
    [InlineData("810548656c6c6f", true)] // a client that does not mask
    [InlineData("818537fa213d", false)] // a server that does
    [InlineData("c10548656c6c6f", false)] // reserved bits
    [InlineData("8305", false)] // a kind that there is not
    [InlineData("8b05", false)]
    [InlineData("0905", false)] // a ping in pieces
    [InlineData("897e0100", false)] // a long ping
    [InlineData("827f8000000000000000", false)] // more than 63 bits
    public void Frames_that_the_standard_forbids_are_refused(string hex, bool masked) =>
        Assert.Throws<ProtocolException>(() => WebSocketFrame.TryRead(Convert.FromHexString(hex), masked, out _, out _));
}
