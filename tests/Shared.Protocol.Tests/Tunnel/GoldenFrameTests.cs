using System.Text.Json.Nodes;
using EdgeSync.Protocol.Tunnel;

namespace EdgeSync.Protocol.Tests.Tunnel;

/// <summary>
/// Tunnel messages as KubeEdge's cloudcore and edgecore v1.23 sent them to each other for <c>kubectl logs</c>, <c>exec</c> (by SPDY, and by
/// a WebSocket that is refused), <c>attach</c> and figures, on a real API server: one in each line, with the side that sent it.
/// (The cloud says an end again and again until it is answered; two repetitions are kept.)
/// </summary>
public sealed class GoldenFrameTests
{
    private static readonly (string Stream, string From, byte[] Frame)[] s_frames =
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Tunnel", "Golden", "kubeedge-1.23.jsonl"))
            .Select(line => JsonNode.Parse(line)!)
            .Select(line => ((string)line["stream"]!, (string)line["from"]!, Convert.FromHexString((string)line["frame"]!))),
    ];

    [Fact]
    public void Every_message_reads_and_is_written_the_same()
    {
        foreach (var (_, _, frame) in s_frames)
        {
            var message = TunnelMessage.Read(frame);
            var head = new byte[TunnelMessage.MaxHeadBytes];
            Assert.Equal(Convert.ToHexString(frame), Convert.ToHexString([.. head[..message.WriteHead(head)], .. message.Data.Span]));
            Assert.True(Enum.IsDefined(message.Type));
        }
    }

    [Theory]
    [InlineData("logs", TunnelMessageType.LogsConnect, "GET", "/containerLogs/default/app/main", "tailLines=2")]
    [InlineData("exec", TunnelMessageType.ExecConnect, "POST", "/exec/default/app/main", "command=sh&command=-c&command=echo+out%3B+echo+err+%3E%262%3B+exit+7&error=1&output=1")]
    [InlineData("attach", TunnelMessageType.AttachConnect, "POST", "/attach/default/app/main", "error=1&output=1")]
    [InlineData("exec by WebSocket, refused", TunnelMessageType.ExecConnect, "GET", "/exec/default/app/main", "command=touch&command=%2Fgo&error=1&output=1")]
    [InlineData("metrics", TunnelMessageType.MetricConnect, "GET", "/metrics/probes", "")]
    public void A_stream_begins_with_its_request_and_ends_on_both_sides(string stream, TunnelMessageType type, string method, string path, string query)
    {
        var cloud = Messages(stream, "cloud");
        var edge = Messages(stream, "edge");

        Assert.Equal(type, cloud[0].Type);
        var request = TunnelRequest.Read(cloud[0].Data);
        Assert.Equal((method, path, query), (request.Method, request.Path, request.Query));
        Assert.All(cloud.Concat(edge).Skip(1), m => Assert.True(m.Type is TunnelMessageType.Data or TunnelMessageType.RemoveConnect && m.Id == cloud[0].Id));
        Assert.Equal(TunnelMessageType.RemoveConnect, edge[^1].Type);
        Assert.Equal(0, edge[^1].Data.Length);
        Assert.All(edge, m => Assert.InRange(m.Data.Length, 0, 256));
    }

    [Theory]
    [InlineData("logs")]
    [InlineData("exec")]
    [InlineData("attach")]
    [InlineData("metrics")]
    public void A_request_is_written_in_the_same_members(string stream)
    {
        var connect = Messages(stream, "cloud")[0];
        var golden = JsonNode.Parse(connect.Data.Span)!;

        var written = JsonNode.Parse(TunnelRequest.Read(connect.Data).Write(connect.Id))!;

        golden["method"] ??= "GET"; // left out where it can be nothing else
        Assert.True(JsonNode.DeepEquals(golden, written), $"{golden}\n{written}");
    }

    private static TunnelMessage[] Messages(string stream, string from) =>
        [.. s_frames.Where(f => f.Stream == stream && f.From == from).Select(f => TunnelMessage.Read(f.Frame))];
}
