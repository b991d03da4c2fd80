using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.EdgeCore.Tests.Link;

/// <summary>
/// What the hub's real endpoint does with a peer that is not who it says, or says what nobody understands: the tables of
/// docs/protocol.md, row by row, over TLS with a client that is nobody's state machine.
/// </summary>
public sealed class BadPeerTests : IAsyncLifetime, IAsyncDisposable
{
    private const string Node = "edge-1";

    private readonly HandTime _clock = new();
    private readonly LinkHub _hub;

    public BadPeerTests() => _hub = new LinkHub(TimeSpan.FromSeconds(15)) { NodeLimit = 1, Clock = _clock };

    public static TheoryData<string, string> NoMessages => new()
    {
        { "no JSON", "{" },
        { "an array", "[]" },
        { "two documents", Said("keepalive", "node", "null") + Said("keepalive", "node", "null") },
        { "no header", """{"route":{"operation":"keepalive"},"content":"ping"}""" },
        { "no id", """{"header":{"timestamp":1},"route":{"operation":"keepalive","resource":"node"}}""" },
        { "a timestamp that is a string", """{"header":{"msg_id":"a","timestamp":"1"},"route":{"operation":"keepalive","resource":"node"}}""" },
        { "a route that is a list", """{"header":{"msg_id":"a","timestamp":1},"route":[]}""" },
        { "a content that is too deep", Said("query", "default/configmap/a", new string('[', 1000) + new string(']', 1000)) },
        { "an inventory that is none", Said("inventory", "inventory", """{"digest":7,"objects":7}""") },
        { "longer than a message may be", Said("query", "default/configmap/a", $"\"{new string('x', 9 << 20)}\"") },
    };

    public Task InitializeAsync() => _hub.StartAsync();

    public async Task DisposeAsync() => await _hub.DisposeAsync();

    ValueTask IAsyncDisposable.DisposeAsync() => _hub.DisposeAsync();

    [Theory]
    [MemberData(nameof(NoMessages))]
    public async Task What_is_no_message_ends_its_session_with_one_line_and_the_next_one_is_served(string what, string frame)
    {
        using var bad = await ConnectAsync(Node, Node);
        await SendAsync(bad, frame, mayBreak: true);
        await Eventually.HoldsAsync($"the session ended: {what}", () => _hub.Sessions.Find(Node) is null);

        var line = Assert.Single(_hub.Log.Lines, l => l.Text.Contains("disconnected", StringComparison.Ordinal));
        Assert.DoesNotContain("the node closed the connection", line.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(_hub.Log.Lines, l => l.Level >= LogLevel.Error);
        using var next = await ConnectAsync(Node, Node);
        Assert.Equal(404, await AnswerCodeAsync(next, Said("patch", "default/podpatch/none", "{}", "after")));
    }

    [Theory]
    [InlineData("unknown", "default/pod/a", "{}")]
    [InlineData("insert", "no-such-resource", "{}")]
    [InlineData("patch", "null/nodepatch/" + Node, "7")]
    [InlineData("update", "device/default/d/twin/edge_updated", "[]")]
    public async Task What_cannot_be_carried_out_is_answered_with_400_and_the_session_lives(string operation, string resource, string content)
    {
        using var socket = await ConnectAsync(Node, Node);

        Assert.Equal(400, await AnswerCodeAsync(socket, Said(operation, resource, content)));
        Assert.Equal(404, await AnswerCodeAsync(socket, Said("patch", "default/podpatch/none", "{}", "after")));
        Assert.NotNull(_hub.Sessions.Find(Node));
    }

    [Theory]
    [InlineData("patch", "null/nodepatch/edge-2", "{}")]
    [InlineData("insert", "null/node/edge-2", """{"metadata":{"name":"edge-2"}}""")]
    [InlineData("update", "kube-node-lease/lease/edge-2", """{"metadata":{"name":"edge-2","namespace":"kube-node-lease"}}""")]
    public async Task What_is_another_nodes_is_refused(string operation, string resource, string content)
    {
        using var socket = await ConnectAsync(Node, Node);

        Assert.Equal(403, await AnswerCodeAsync(socket, Said(operation, resource, content)));
        Assert.NotNull(_hub.Sessions.Find(Node));
    }

    [Fact]
    public async Task Forged_and_repeated_answers_change_nothing()
    {
        using var socket = await ConnectAsync(Node, Node);
        foreach (var parent in (string[])["forged", "forged", "", "1"])
        {
            await SendAsync(socket, $$$"""{"header":{"msg_id":"a","parent_msg_id":"{{{parent}}}","timestamp":1},"route":{"operation":"response","resource":"x"},"content":"OK"}""");
        }

        Assert.Equal(404, await AnswerCodeAsync(socket, Said("patch", "default/podpatch/none", "{}", "after")));
    }

    [Theory]
    [InlineData("edge-2", Node, HttpStatusCode.Forbidden)]
    [InlineData(null, Node, HttpStatusCode.Unauthorized)]
    [InlineData(Node, "", HttpStatusCode.Forbidden)]
    public async Task Nobody_is_served_under_a_name_that_its_certificate_does_not_bear(string? certificate, string header, HttpStatusCode expected)
    {
        using var socket = NewSocket(certificate, header);

        await Assert.ThrowsAsync<WebSocketException>(() => OpenAsync(socket));
        Assert.Equal(expected, socket.HttpStatusCode);
    }

    [Fact]
    public async Task Beyond_the_limit_a_node_is_refused_with_503_but_one_that_is_there_may_come_anew()
    {
        using var first = await ConnectAsync(Node, Node);
        using var second = NewSocket("edge-2", "edge-2");
        await Assert.ThrowsAsync<WebSocketException>(() => OpenAsync(second));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.HttpStatusCode);

        var epoch = _hub.Sessions.Find(Node)!.Epoch;
        using var again = await ConnectAsync(Node, Node);

        // the handshake is answered before the session has its seat
        await Eventually.HoldsAsync("the newer session", () => _hub.Sessions.Find(Node)?.Epoch > epoch);
    }

    [Fact]
    public async Task A_hub_whose_caches_are_not_full_serves_nobody()
    {
        _hub.IsReady = false;
        using var socket = NewSocket(Node, Node);

        await Assert.ThrowsAsync<WebSocketException>(() => OpenAsync(socket));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, socket.HttpStatusCode);
    }

    [Fact]
    public async Task A_peer_that_misbehaves_for_ever_does_not_flood_the_log_and_every_time_counts()
    {
        const int Times = 20;
        for (var i = 0; i < Times; i++)
        {
            using var socket = NewSocket(Node, Node);
            await OpenAsync(socket);
            await SendAsync(socket, "{", mayBreak: true);
            await Eventually.HoldsAsync("the session ended", () => Count("connection_disconnected") == i + 1);
        }

        Assert.Equal(PeerLog.MostLines, _hub.Log.Lines.Count(l => l.Text.Contains("disconnected, session", StringComparison.Ordinal)));
        _hub.Peers.Look();
        Assert.DoesNotContain(_hub.Log.Lines, l => l.Text.Contains(" more of ", StringComparison.Ordinal));
        _clock.Advance(PeerLog.Window);
        _hub.Peers.Look();
        Assert.Contains(
            (LogLevel.Warning, $"node {Node}: {Times - PeerLog.MostLines} more of \"connection_disconnected\" in the last minute"), _hub.Log.Lines);

        // the next minute has lines again, and another node had them all the time
        using (var socket = NewSocket(Node, Node))
        {
            await OpenAsync(socket);
            await SendAsync(socket, "{", mayBreak: true);
            await Eventually.HoldsAsync("the session ended", () => Count("connection_disconnected") == Times + 1);
        }

        // it is counted before it is said
        await Eventually.HoldsAsync("it is said", () => Said() > PeerLog.MostLines);
        Assert.Equal(PeerLog.MostLines + 1, Said());

        int Said() => _hub.Log.Lines.Count(l => l.Text.Contains("disconnected, session", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Requests_that_cannot_be_carried_out_are_counted_beyond_their_lines()
    {
        using var socket = await ConnectAsync(Node, Node);
        for (var i = 0; i < 12; i++)
        {
            Assert.Equal(400, await AnswerCodeAsync(socket, Said("insert", "no-such-resource", "{}", $"m{i}")));
        }

        Assert.Equal(12, Count("request_unknown"));
        Assert.Equal(PeerLog.MostLines, _hub.Log.Lines.Count(l => l.Text.Contains("no-such-resource", StringComparison.Ordinal) && l.Level == LogLevel.Warning));
    }

    [Fact]
    public void Names_that_nobody_has_checked_take_no_memory()
    {
        var peers = new PeerLog(_clock, NullLogger<PeerLog>.Instance);
        var lines = 0;
        for (var i = 0; i < 3 * PeerLog.MostKeys; i++)
        {
            lines += peers.Takes("connection_refused", $"peer {i}") ? 1 : 0;
        }

        Assert.Equal(PeerLog.MostKeys + PeerLog.MostLines, lines);
        Assert.Equal(3 * PeerLog.MostKeys, Assert.Single(peers.Counts).Count);
    }

    private double Count(string kind) => _hub.Peers.Counts.FirstOrDefault(c => c.Kind == kind).Count;

    private static string Said(string operation, string resource, string content, string id = "m1") =>
        $$"""{"header":{"msg_id":"{{id}}","timestamp":1},"route":{"source":"edged","group":"resource","operation":"{{operation}}","resource":"{{resource}}"},"content":{{content}}}""";

    private async Task<ClientWebSocket> ConnectAsync(string certificate, string header)
    {
        var socket = NewSocket(certificate, header);
        await OpenAsync(socket);
        await Eventually.HoldsAsync("the session is there", () => _hub.Sessions.Find(header) is not null);
        return socket;
    }

    private ClientWebSocket NewSocket(string? certificate, string header)
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Node_id", header);
        socket.Options.SetRequestHeader("Connectionuse", "msg");
        socket.Options.SetRequestHeader("Edgesync-Version", "1");
        socket.Options.RemoteCertificateValidationCallback = (_, presented, _, errors) =>
            errors is SslPolicyErrors.RemoteCertificateChainErrors && presented!.Issuer == _hub.Authority.Subject;
        if (certificate is not null)
        {
            var (issued, key) = _hub.Issue(certificate);
            using (key)
            {
                socket.Options.ClientCertificates = [X509CertificateLoader.LoadPkcs12(issued.CopyWithPrivateKey(key).Export(X509ContentType.Pkcs12), null)];
            }
        }

        return socket;
    }

    private async Task OpenAsync(ClientWebSocket socket)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{_hub.Port}/p/n/events"), deadline.Token);
    }

    private static async Task SendAsync(ClientWebSocket socket, string frame, bool mayBreak = false)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(frame), WebSocketMessageType.Text, endOfMessage: true, deadline.Token);
        }
        catch (WebSocketException) when (mayBreak)
        {
            // the hub need not read it to its end
        }
    }

    /// <summary>The code of the answer to the frame; messages that answer something else are passed over.</summary>
    private static async Task<int?> AnswerCodeAsync(ClientWebSocket socket, string frame)
    {
        await SendAsync(socket, frame);
        using var sent = JsonDocument.Parse(frame);
        var id = sent.RootElement.GetProperty("header").GetProperty("msg_id").GetString();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var buffer = new byte[1 << 20];
        while (true)
        {
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(length), deadline.Token);
                length += part.Count;
            }
            while (!part.EndOfMessage);

            Assert.Equal(WebSocketMessageType.Text, part.MessageType);
            var message = MessageCodec.Read(buffer.AsMemory(0, length));
            if (message.ParentId != id)
            {
                continue;
            }

            using var content = JsonDocument.Parse(message.Content);
            var error = content.RootElement.TryGetProperty("Err", out var nested) ? nested : content.RootElement;
            return error.GetProperty("ErrStatus").GetProperty("code").GetInt32();
        }
    }

    /// <summary>A clock that a test moves by hand.</summary>
    private sealed class HandTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _now);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _now, by.Ticks);
    }
}
