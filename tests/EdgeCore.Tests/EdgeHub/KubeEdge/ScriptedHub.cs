using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>
/// Plays KubeEdge's cloudcore to one agent, with recorded messages and its ways, the odd ones included: one message at a time until
/// it is acknowledged, the same id again when it is not; answers to patches and twins outside of that queue; no answer at all to
/// some requests; text frames in pieces.
/// </summary>
internal sealed class ScriptedHub : IAsyncDisposable
{
    public const string NodeName = "edge-1";

    /// <summary>5 s at the real one.</summary>
    private static readonly TimeSpan s_resendAfter = TimeSpan.FromSeconds(0.5);

    private readonly ConcurrentQueue<Message> _received = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _acks = new();
    private readonly Channel<byte[]> _acked = Channel.CreateUnbounded<byte[]>();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly WebApplication _web;
    private volatile WebSocket? _socket;

    private ScriptedHub(TempFolder folder)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=KubeEdge", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(AuthorityFile = folder.File("ca.crt"), authority.ExportCertificatePem());
        using var node = Issue(authority, $"CN=system:node:{NodeName},O=system:nodes", "1.3.6.1.5.5.7.3.2");
        File.WriteAllText(CertificateFile = folder.File("node.crt"), node.ExportCertificatePem());
        File.WriteAllText(KeyFile = folder.File("node.key"), node.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        using var server = Issue(authority, "CN=KubeEdge,O=KubeEdge", "1.3.6.1.5.5.7.3.1");
        var usable = X509CertificateLoader.LoadPkcs12(server.Export(X509ContentType.Pfx), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(usable, o =>
        {
            o.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            o.AllowAnyClientCertificate();
        })));
        _web = builder.Build();
        _web.UseWebSockets();
        _web.Run(async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await ServeAsync(socket);
        });
    }

    public string AuthorityFile { get; }

    public string CertificateFile { get; }

    public string KeyFile { get; }

    public string Address => new Uri(_web.Urls.First()).Authority;

    /// <summary>Takes connections and messages, and sends nothing: KubeEdge's way to refuse.</summary>
    public bool Refuses { get; set; }

    /// <summary>Connections since the start.</summary>
    public int Connections { get; private set; }

    /// <summary>Makes the answer to a request; null for none. The answer's ids are filled in.</summary>
    public required Func<Message, JsonObject?> Answer { get; init; }

    public IReadOnlyList<Message> Received => [.. _received];

    public static async Task<ScriptedHub> StartAsync(TempFolder folder, Func<Message, JsonObject?> answer)
    {
        var hub = new ScriptedHub(folder) { Answer = answer };
        await hub._web.StartAsync();
        return hub;
    }

    public IReadOnlyList<Message> Of(string operation, string resourcePrefix) =>
        [.. _received.Where(m => m.Operation == operation && m.Resource.StartsWith(resourcePrefix, StringComparison.Ordinal))];

    /// <summary>Pushes a message in its turn; completes when the agent has acknowledged it.</summary>
    public Task PushAsync(JsonObject message)
    {
        var acked = Ack(GoldenMessages.Id(message));
        _acked.Writer.TryWrite(GoldenMessages.Frame(message));
        return acked.Task.WaitAsync(Eventually.DefaultDeadline);
    }

    /// <summary>Sends what wants no acknowledgement.</summary>
    public Task SendAsync(JsonObject message) => WriteAsync(GoldenMessages.Frame(message));

    public void Cut() => _socket?.Abort();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket?.Abort();
        await _web.StopAsync();
        await _web.DisposeAsync();
        _writing.Dispose();
        _stop.Dispose();
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string subject, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    private TaskCompletionSource Ack(string id) =>
        _acks.GetOrAdd(id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task ServeAsync(WebSocket socket)
    {
        Connections++;
        _socket = socket;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var pushing = PushLoopAsync(ending.Token);
        var buffer = new byte[1 << 20];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(buffer.AsMemory(length), _stop.Token);
                    length += part.Count;
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                await TakeAsync(MessageCodec.Read(buffer.AsSpan(0, length).ToArray()));
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // the link is cut, or the test is over
        }
        finally
        {
            await ending.CancelAsync();
            await pushing.ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private async Task TakeAsync(Message message)
    {
        _received.Enqueue(message);
        if (message.Operation == Operations.Response && message.ParentId.Length > 0)
        {
            Ack(message.ParentId).TrySetResult();
            return;
        }

        if (message.Operation == Operations.Keepalive || Answer(message) is not { } answer)
        {
            return;
        }

        answer["header"]!["msg_id"] = Guid.NewGuid().ToString();
        answer["header"]!["parent_msg_id"] = message.Id;
        if (message.Operation == Operations.Query && answer["content"]!["metadata"] is not null && !message.Resource.Contains("/serviceaccounttoken/", StringComparison.Ordinal))
        {
            _acked.Writer.TryWrite(GoldenMessages.Frame(answer)); // objects wait for their turn
            return;
        }

        await WriteAsync(GoldenMessages.Frame(answer));
    }

    private async Task PushLoopAsync(CancellationToken cancellationToken)
    {
        await foreach (var frame in _acked.Reader.ReadAllAsync(cancellationToken))
        {
            var acked = Ack(MessageCodec.Read(frame).Id).Task;
            for (var attempt = 0; attempt < 5 && !acked.IsCompleted; attempt++)
            {
                await WriteAsync(frame);
                await Task.WhenAny(acked, Task.Delay(s_resendAfter, cancellationToken));
            }
        }
    }

    private async Task WriteAsync(byte[] frame)
    {
        if (Refuses || _socket is not { State: WebSocketState.Open } socket)
        {
            return;
        }

        const int piece = 512; // the real one's buffer is 4096
        await _writing.WaitAsync(_stop.Token);
        try
        {
            for (var at = 0; at < frame.Length; at += piece)
            {
                var length = Math.Min(piece, frame.Length - at);
                await socket.SendAsync(frame.AsMemory(at, length), WebSocketMessageType.Text, at + length == frame.Length, _stop.Token);
            }
        }
        catch (WebSocketException)
        {
            // cut meanwhile
        }
        finally
        {
            _writing.Release();
        }
    }
}
