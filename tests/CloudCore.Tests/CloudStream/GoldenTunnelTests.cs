using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudStream;
using EdgeSync.CloudCore.CloudStream.Spdy;
using EdgeSync.Hosting.Tunnel;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudStream;

/// <summary>What KubeEdge's cloudcore and edgecore v1.23 said to each other (recorded), played to our side of the tunnel.</summary>
public sealed class GoldenTunnelTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task What_KubeEdges_edge_answers_to_an_exec_is_understood_to_its_exit_code()
    {
        using var deadline = new CancellationTokenSource(s_limit);
        var (near, far) = DuplexPair.Create();
        await using var edge = Socket(far, isClient: true);
        await using var cloud = new TunnelSession(Socket(near, isClient: false), isExtended: false, serve: null, TimeProvider.System);
        var running = cloud.RunAsync(deadline.Token);
        var stream = await cloud.OpenAsync(TunnelMessageType.ExecConnect, new TunnelRequest("POST", "/exec/default/app/main", "", []), deadline.Token);
        Assert.Equal(TunnelMessageType.ExecConnect, TunnelMessage.Read((await edge.ReceiveAsync(deadline.Token))!).Type);

        foreach (var message in Messages("exec", "edge"))
        {
            await SendAsync(edge, message with { Id = stream.Id }, deadline.Token);
        }

        var answer = await KubeletResponse.ReadAsync(stream, deadline.Token);
        Assert.Equal(101, answer.Status);
        var said = new Dictionary<int, string>();
        await using (var spdy = new SpdyConnection(answer.Body, isServer: false))
        {
            while (await spdy.ReadAsync(deadline.Token) is { } next)
            {
                said[next.StreamId] = said.GetValueOrDefault(next.StreamId, "") + Encoding.UTF8.GetString(next.Data.Span);
            }
        }

        Assert.Equal(("out\n", "err\n"), (said[3], said[5]));
        Assert.Equal("7", (string?)JsonNode.Parse(said[1])!["details"]!["causes"]![0]!["message"]);
        await edge.CloseAsync();
        await running.WaitAsync(s_limit);
    }

    [Fact]
    public async Task What_KubeEdges_cloud_sends_for_an_attach_reaches_the_node_and_its_end_is_answered_once()
    {
        using var deadline = new CancellationTokenSource(s_limit);
        var (near, far) = DuplexPair.Create();
        await using var cloud = Socket(far, isClient: false);
        var opened = new List<string>();
        await using var edge = new TunnelSession(
            Socket(near, isClient: true), isExtended: false,
            async (type, request, stream, token) =>
            {
                Assert.Equal((TunnelMessageType.AttachConnect, "/attach/default/app/main"), (type, request.Path));
                await using var spdy = new SpdyConnection(stream, isServer: true);
                while (await spdy.ReadAsync(token) is { } next)
                {
                    if (next.Kind == SpdyEventKind.Opened)
                    {
                        opened.Add(next.Headers!["streamtype"]);
                    }
                }
            },
            TimeProvider.System);
        var running = edge.RunAsync(deadline.Token);

        // until it has its answer the cloud repeats the end
        var messages = Messages("attach", "cloud");
        Assert.True(messages.Count(m => m.Type == TunnelMessageType.RemoveConnect) > 1);
        foreach (var message in messages)
        {
            await SendAsync(cloud, message, deadline.Token);
        }

        var answers = new List<TunnelMessage> { TunnelMessage.Read((await cloud.ReceiveAsync(deadline.Token))!) };
        while (answers[^1].Type != TunnelMessageType.RemoveConnect)
        {
            answers.Add(TunnelMessage.Read((await cloud.ReceiveAsync(deadline.Token))!));
        }

        Assert.Equal(["error", "stdout", "stderr"], opened);
        Assert.Equal((messages[0].Id, 0), (answers[^1].Id, answers[^1].Data.Length));
        await cloud.CloseAsync();
        Assert.Null(await cloud.ReceiveAsync(deadline.Token));
        await running.WaitAsync(s_limit);
    }

    private static TunnelMessage[] Messages(string stream, string from) =>
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Tunnel", "Golden", "kubeedge-1.23.jsonl"))
            .Select(line => JsonNode.Parse(line)!)
            .Where(line => (string?)line["stream"] == stream && (string?)line["from"] == from)
            .Select(line => TunnelMessage.Read(Convert.FromHexString((string)line["frame"]!))),
    ];

    private static async Task SendAsync(RawWebSocket socket, TunnelMessage message, CancellationToken cancellationToken)
    {
        var head = new byte[TunnelMessage.MaxHeadBytes];
        await socket.SendAsync(head.AsMemory(0, message.WriteHead(head)), message.Data, cancellationToken);
    }

    private static RawWebSocket Socket(Stream stream, bool isClient) =>
        new(stream, isClient, TunnelSession.MaxMessageBytes, s_limit, TimeProvider.System);
}
