using System.Net.Sockets;
using System.Text;
using EdgeSync.Protocol.Tunnel;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>
/// Connects a stream of the cloud with the container runtime's streaming server: the request's head is written, with the headers of
/// its upgrade, and from there on bytes are carried both ways as they are. So exec, attach and port-forward speak whatever the
/// cloud and the runtime agree on (SPDY/3.1 or WebSocket), and nothing here takes it apart.
/// </summary>
internal static class RuntimeStream
{
    private const int BufferBytes = 16 * 1024;
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(10);

    // what agrees on a protocol; who asked, and with what right, is none of the runtime's business
    private static readonly string[] s_passed =
    [
        "Connection", "Upgrade", "X-Stream-Protocol-Version", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions", "User-Agent",
    ];

    /// <summary>Carries bytes until either side ends.</summary>
    /// <param name="address">Of the runtime, good for one connection.</param>
    /// <param name="request">The cloud's request.</param>
    /// <param name="cloud">The stream to the cloud.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">Either side broke.</exception>
    public static async Task RunAsync(Uri address, TunnelRequest request, Stream cloud, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await ConnectAsync(socket, address, cancellationToken);
        await using var runtime = new NetworkStream(socket);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await runtime.WriteAsync(Head(address, request), ending.Token);
        Task[] directions = [CopyAsync(cloud, runtime, ending.Token), CopyAsync(runtime, cloud, ending.Token)];
        var first = await Task.WhenAny(directions);
        await ending.CancelAsync();
        try
        {
            await Task.WhenAll(directions);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // how the one direction ends once the other has
        }

        await first;
    }

    private static async Task ConnectAsync(Socket socket, Uri address, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(s_connectTimeout);
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, deadline.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"the container runtime's streaming server at {address.Authority} cannot be reached: {e.Message}", e);
        }
    }

    private static byte[] Head(Uri address, TunnelRequest request)
    {
        var head = new StringBuilder($"{request.Method} {address.PathAndQuery} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Length: 0\r\n");
        foreach (var (name, value) in request.Headers)
        {
            if (s_passed.Contains(name, StringComparer.OrdinalIgnoreCase) && !value.AsSpan().ContainsAny('\r', '\n'))
            {
                head.Append(name).Append(": ").Append(value).Append("\r\n");
            }
        }

        return Encoding.UTF8.GetBytes(head.Append("\r\n").ToString());
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await from.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
    }
}
