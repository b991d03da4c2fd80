using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.BadInput;

/// <summary>A node with a valid certificate that sends what no node should: the hub ends its connection, and serves the others.</summary>
public sealed class HubFramesTests(ITestOutputHelper output)
{
    private const string Rogue = "edge-rogue";
    private const int MiB = 1024 * 1024;

    public static IReadOnlyList<string> Malformed { get; } =
    [
        "no json",
        "[]",
        "{}",
        """{"header":1,"route":{}}""",
        """{"header":{"msg_id":"a","timestamp":"yesterday"},"route":{"source":"x","group":"resource","operation":"insert","resource":"node/x"},"content":null}""",
        """{"header":{"msg_id":"a","timestamp":1},"route":{"source":"edged","group":"meta","operation":"insert","resource":"////"},"content":{"spec":[]}}""",
        """{"header":{"msg_id":"a","timestamp":1},"route":{"source":"edged","group":"meta","operation":"patch","resource":"null/nodepatch/edge-1"},"content":"{"}""",
        string.Concat(Enumerable.Repeat("[", 100_000)),
        "{\"header\":" + string.Concat(Enumerable.Repeat("{\"a\":", 10_000)),
    ];

    [EndToEndFact]
    public async Task Malformed_and_oversized_messages_end_only_the_connection_that_they_came_on()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await using var rogue = new ProgramsEdge(new ProgramsEdgeSetup(Rogue, world.Runtime.Endpoint, world.Broker.Port));
        await rogue.JoinAsync(world.Cloud);
        var before = ResidentMiB(world.Cloud.Pid);

        foreach (var text in Malformed)
        {
            await SendAsync(world, rogue, WebSocketMessageType.Text, [Encoding.UTF8.GetBytes(text)]);
        }

        await SendAsync(world, rogue, WebSocketMessageType.Binary, [[0xff, 0xfe, 0x00, 0x80]]);
        await SendAsync(world, rogue, WebSocketMessageType.Text, [[0xff, 0xfe, 0x00, 0x80]]);
        // a message without an end, in pieces of 1 MiB
        await SendAsync(world, rogue, WebSocketMessageType.Text, Enumerable.Repeat(new byte[MiB], 256));

        world.Note(string.Create(CultureInfo.InvariantCulture, $"cloudcore resident: {before} MiB before, {ResidentMiB(world.Cloud.Pid)} MiB after"));
        Assert.True(ResidentMiB(world.Cloud.Pid) < before + 128, "the hub took memory for what it refused");
        await world.RunDaemonSetAsync(new TestDaemonSet("app"));
        await world.NodeIsReadyAsync();
    }

    [EndToEndFact]
    public async Task A_node_may_not_speak_for_another_one()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await using var rogue = new ProgramsEdge(new ProgramsEdgeSetup(Rogue, world.Runtime.Endpoint, world.Broker.Port));
        await rogue.JoinAsync(world.Cloud);

        var refused = await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync(world, rogue, claimed: EdgeWorld.NodeName));

        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
    }

    private static async Task SendAsync(EdgeWorld world, ProgramsEdge node, WebSocketMessageType type, IEnumerable<byte[]> pieces)
    {
        using var socket = await ConnectAsync(world, node, node.NodeName);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            using var piece = pieces.GetEnumerator();
            for (var more = piece.MoveNext(); more;)
            {
                var current = piece.Current;
                more = piece.MoveNext();
                await socket.SendAsync(current, type, endOfMessage: !more, deadline.Token);
            }

            // closed by the hub, or ignored: both leave the others alone
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, deadline.Token);
        }
        catch (Exception e) when (e is WebSocketException or IOException)
        {
            // the hub closed it meanwhile
        }
    }

    private static async Task<ClientWebSocket> ConnectAsync(EdgeWorld world, ProgramsEdge node, string claimed)
    {
        var socket = new ClientWebSocket();
        socket.Options.ClientCertificates.Add(X509CertificateLoader.LoadPkcs12(
            X509Certificate2.CreateFromPemFile(node.Identity.Certificate, node.Identity.Key).Export(X509ContentType.Pkcs12), null));
        socket.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => IsSignedBy(node.Identity.Authority, (X509Certificate2)certificate!);
        socket.Options.SetRequestHeader("Node_id", claimed);
        socket.Options.SetRequestHeader("Project_id", "e632aba927ea4ac2b575ec1603d56f10");
        socket.Options.SetRequestHeader("Connectionuse", "msg");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await socket.ConnectAsync(new Uri($"wss://{world.Cloud.HubAddress}/e632aba927ea4ac2b575ec1603d56f10/{claimed}/events"), deadline.Token);
        return socket;
    }

    private static bool IsSignedBy(string authorityFile, X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(authorityFile));
        return chain.Build(certificate);
    }

    private static int ResidentMiB(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
