using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudHub.KubeEdge;

/// <summary>
/// A peer that plays KubeEdge's edgecore on a real hub: it enrolls as edgecore does, opens the WebSocket with its headers, sends
/// golden messages, and acknowledges what edgecore acknowledges, in edgecore's form.
/// </summary>
internal sealed class ScriptedEdgeCore(ProgramsCloud cloud, string node) : IAsyncDisposable
{
    private const string ProjectId = "e632aba927ea4ac2b575ec1603d56f10";

    private static readonly string[] s_neverAcknowledged =
        ["podlist", "membership", "twin/cloud_updated", "serviceaccounttoken", "k8s/ca.crt"];

    private readonly Lock _gate = new();
    private readonly List<JsonNode> _received = [];
    private readonly SemaphoreSlim _sending = new(1, 1);
    private X509Certificate2? _authority;
    private X509Certificate2? _certificate;
    private ClientWebSocket? _socket;
    private Task _reading = Task.CompletedTask;

    public string Node => node;

    /// <summary>The hub, or that replica of it, to which it connects the next time.</summary>
    public ProgramsCloud Hub { get; set; } = cloud;

    /// <summary>Resources whose messages are not acknowledged, as by an edge whose disk is stuck.</summary>
    public HashSet<string> Silent { get; } = [];

    /// <summary>Everything that came in this connection, in order.</summary>
    public IReadOnlyList<JsonNode> Received
    {
        get
        {
            lock (_gate)
            {
                return [.. _received];
            }
        }
    }

    /// <summary>GET /ca.crt, compared with the token's hash; then GET /edge.crt with the request as its body and the token's JWT.</summary>
    public async Task EnrollAsync()
    {
        var token = await Hub.GetTokenAsync();
        using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true })
        {
            BaseAddress = new Uri($"https://{Hub.HubAddress}"),
        };
        var authority = await http.GetByteArrayAsync(new Uri("/ca.crt", UriKind.Relative));
        Assert.Equal(token.Split('.', 2)[0], Convert.ToHexStringLower(SHA256.HashData(authority)));

        _authority = X509CertificateLoader.LoadCertificate(authority);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = $"C=CN, O=system:nodes, L=Hangzhou, S=Zhejiang, CN=system:node:{node}";
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/edge.crt", UriKind.Relative))
        {
            Content = new ByteArrayContent(new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSigningRequest()),
        };
        request.Headers.Add("NodeName", node);
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token.Split('.', 2)[1]);
        using var answer = await http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        using var bare = X509CertificateLoader.LoadCertificate(await answer.Content.ReadAsByteArrayAsync());
        using var withKey = bare.CopyWithPrivateKey(key);
        _certificate = X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>Dials as edgecore does, again and again until the hub takes it; its first message is the keepalive.</summary>
    public async Task ConnectAsync()
    {
        lock (_gate)
        {
            _received.Clear();
        }

        await Eventually.HoldsAsync("the hub takes the connection", async () =>
        {
            _socket = await DialAsync();
            return true;
        });
        _reading = ReadAsync(_socket!);
        await SendAsync(GoldenMessages.Get("keepalive"));
        await SendAsync(GoldenMessages.Get("membership-detail", ("NODE", node)));
    }

    /// <summary>The same agent with a further connection, to another replica, while this one is still open.</summary>
    public async Task<ScriptedEdgeCore> ElsewhereAsync(ProgramsCloud replica)
    {
        var other = new ScriptedEdgeCore(replica, node)
        {
            _authority = X509CertificateLoader.LoadCertificate(_authority!.RawData),
            _certificate = X509CertificateLoader.LoadPkcs12(_certificate!.Export(X509ContentType.Pkcs12), null),
        };
        await other.ConnectAsync();
        return other;
    }

    /// <summary>Until the hub has ended the connection.</summary>
    public Task EndedByHubAsync() => _reading.WaitAsync(Eventually.DefaultDeadline);

    /// <summary>The link breaks.</summary>
    public async Task CutAsync()
    {
        _socket?.Abort();
        await _reading;
        _socket?.Dispose();
        _socket = null;
    }

    /// <summary>Sends a golden message and gives the hub's answer to it.</summary>
    public async Task<JsonNode> AskAsync(string golden, params (string Variable, string Value)[] variables)
    {
        var message = GoldenMessages.Get(golden, [("NODE", node), .. variables]);
        var id = message["header"]!["msg_id"]!.GetValue<string>();
        await SendAsync(message);
        return await WaitAsync($"the answer to {golden}", m => (string?)m["header"]!["parent_msg_id"] == id);
    }

    /// <summary>The first message that came on the resource with the operation.</summary>
    public Task<JsonNode> WaitAsync(string operation, string resource) => WaitAsync(
        $"{operation} {resource}",
        m => (string?)m["route"]!["operation"] == operation && (string?)m["route"]!["resource"] == resource
            && m["header"]!["parent_msg_id"] is null);

    public async Task<JsonNode> WaitAsync(string what, Func<JsonNode, bool> condition)
    {
        JsonNode? found = null;
        try
        {
            await Eventually.HoldsAsync($"node {node} gets {what}", () => (found = Received.FirstOrDefault(condition)) is not null);
        }
        catch (TimeoutException e)
        {
            var came = string.Join('\n', Received.Select(m => $"{m["route"]!["operation"]} {m["route"]!["resource"]}"));
            throw new TimeoutException($"{e.Message}; what came:\n{came}\n{Hub.LogTail()}", e);
        }

        return found!;
    }

    public async Task SendAsync(JsonNode message)
    {
        // Go's encoder ends each document with a line feed
        var bytes = Encoding.UTF8.GetBytes(message.ToJsonString() + "\n");
        using var limit = new CancellationTokenSource(Eventually.DefaultDeadline);
        await _sending.WaitAsync(limit.Token);
        try
        {
            await _socket!.SendAsync(bytes, WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        }
        finally
        {
            _sending.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CutAsync();
        _certificate?.Dispose();
        _authority?.Dispose();
        _sending.Dispose();
    }

    private async Task<ClientWebSocket> DialAsync()
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is X509Certificate2 server
                && TrustedChain.Problem(server, _authority!, NodeCertificateRequest.ServerAuthentication, DateTimeOffset.UtcNow) is null;
            socket.Options.ClientCertificates.Add(_certificate!);
            socket.Options.SetRequestHeader("Node_id", node);
            socket.Options.SetRequestHeader("Project_id", ProjectId);
            socket.Options.SetRequestHeader("Connectionuse", "msg");
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            using var limit = new CancellationTokenSource(Eventually.DefaultDeadline);
            await socket.ConnectAsync(new Uri($"wss://{Hub.HubAddress}/{ProjectId}/{node}/events"), limit.Token);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task ReadAsync(ClientWebSocket socket)
    {
        var buffer = new byte[1 << 20];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                    length += part.Count;
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                await TakeAsync(JsonNode.Parse(buffer.AsSpan(0, length))!);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // cut, by the test or by the hub
        }
    }

    private async Task TakeAsync(JsonNode message)
    {
        lock (_gate)
        {
            _received.Add(message);
        }

        var route = message["route"]!;
        var resource = (string)route["resource"]!;
        if ((string?)route["group"] != "resource" || message["header"]!["parent_msg_id"] is not null
            || s_neverAcknowledged.Any(n => resource.Contains(n, StringComparison.Ordinal)) || Silent.Contains(resource))
        {
            return;
        }

        // the copy of a device's message has been rerouted to the device twin when it is answered
        var isDevice = (string?)route["source"] == "devicecontroller" && (string?)route["operation"] is "insert" or "delete";
        var acknowledgement = GoldenMessages.Get(isDevice ? "ack-device" : "ack");
        acknowledgement["header"]!["parent_msg_id"] = (string?)message["header"]!["msg_id"];
        acknowledgement["route"]!["resource"] = resource;
        await SendAsync(acknowledgement);
    }
}
