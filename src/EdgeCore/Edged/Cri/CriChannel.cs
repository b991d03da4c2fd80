using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;

namespace EdgeSync.EdgeCore.Edged.Cri;

/// <summary>
/// Unary gRPC calls over one HTTP/2 connection to a unix socket.
/// <code>
/// request:  POST /package.Service/Method   content-type: application/grpc, te: trailers, grpc-timeout
/// body:     compressed (1 byte, 0) | length (4 bytes, big endian) | protobuf message
/// response: the same body, then trailers grpc-status and grpc-message (percent-encoded)
/// </code>
/// </summary>
internal sealed class CriChannel : IDisposable
{
    /// <summary>The largest answer taken, bytes; gRPC's clients for CRI allow 16 MiB too.</summary>
    public const int MaxMessageBytes = 16 * 1024 * 1024;

    private const int PrefixBytes = 5;

    private static readonly MediaTypeHeaderValue s_grpcContent = new("application/grpc");

    private readonly HttpMessageInvoker _http;
    private readonly TimeProvider _time;
    private readonly string _endpoint;

    /// <param name="endpoint"><c>unix:///PATH</c>, or the path alone.</param>
    /// <param name="time">The clock of the deadlines.</param>
    public CriChannel(string endpoint, TimeProvider time)
    {
        _endpoint = endpoint;
        _time = time;
        var address = new UnixDomainSocketEndPoint(SocketPath(endpoint));
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectCallback = (_, cancellationToken) => ConnectAsync(address, cancellationToken),
        });
    }

    /// <summary>Makes one call.</summary>
    /// <exception cref="CriException">The runtime answered with an error, too late or not at all.</exception>
    public async Task<TResponse> CallAsync<TResponse>(
        string method, IMessage request, MessageParser<TResponse> parser, TimeSpan deadline, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>
    {
        using var timeout = new CancellationTokenSource(deadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var message = ToHttp(method, request, deadline);
            using var response = await _http.SendAsync(message, either.Token);
            return await ReadAsync(response, parser, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CriException(
                CriCode.DeadlineExceeded, $"{method}: the container runtime did not answer within {deadline.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new CriException(
                CriCode.Unavailable, $"{method}: the container runtime at {_endpoint} cannot be reached: {e.Message}", e);
        }
        catch (CriException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new CriException(e.Code, $"{method}: {e.Message}", e);
        }
    }

    public void Dispose() => _http.Dispose();

    private static string SocketPath(string endpoint)
    {
        const string Scheme = "unix://";
        return endpoint.StartsWith(Scheme, StringComparison.Ordinal) ? endpoint[Scheme.Length..] : endpoint;
    }

    private static async ValueTask<Stream> ConnectAsync(UnixDomainSocketEndPoint address, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(address, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static HttpRequestMessage ToHttp(string method, IMessage request, TimeSpan deadline)
    {
        var size = request.CalculateSize();
        var body = new byte[PrefixBytes + size];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), size);
        request.WriteTo(body.AsSpan(PrefixBytes));
        var message = new HttpRequestMessage(HttpMethod.Post, "http://localhost/" + method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = s_grpcContent } },
        };
        message.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        message.Headers.TryAddWithoutValidation(
            "grpc-timeout", ((long)deadline.TotalMilliseconds).ToString(CultureInfo.InvariantCulture) + "m");
        return message;
    }

    private static async Task<TResponse> ReadAsync<TResponse>(
        HttpResponseMessage response, MessageParser<TResponse> parser, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new CriException(CriCode.Unavailable, $"the runtime's socket answered HTTP {(int)response.StatusCode}, not gRPC");
        }

        // an error without a message puts the status into the headers ("trailers only")
        ThrowIfFailed(response.Headers);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var prefix = new byte[PrefixBytes];
        var read = await stream.ReadAtLeastAsync(prefix, PrefixBytes, throwOnEndOfStream: false, cancellationToken);
        byte[]? body = null;
        if (read == PrefixBytes)
        {
            body = new byte[BodyLength(prefix)];
            await stream.ReadExactlyAsync(body, cancellationToken);
            await DrainAsync(stream, cancellationToken);
        }

        ThrowIfFailed(response.TrailingHeaders);
        return body is null
            ? throw new CriException(CriCode.Internal, "the answer holds no message")
            : parser.WithDiscardUnknownFields(true).ParseFrom(body);
    }

    private static int BodyLength(byte[] prefix)
    {
        if (prefix[0] != 0)
        {
            throw new CriException(CriCode.Internal, "the answer is compressed, which was not asked for");
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix.AsSpan(1));
        return length <= MaxMessageBytes
            ? (int)length
            : throw new CriException(CriCode.ResourceExhausted, $"the answer of {length} bytes is over the limit of {MaxMessageBytes}");
    }

    /// <summary>The trailers are there only once the end of the body has been seen.</summary>
    private static async Task DrainAsync(Stream stream, CancellationToken cancellationToken)
    {
        if (await stream.ReadAsync(new byte[1], cancellationToken) != 0)
        {
            throw new CriException(CriCode.Internal, "the answer to a unary call holds a second message");
        }
    }

    private static void ThrowIfFailed(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var values))
        {
            return;
        }

        var code = int.TryParse(values.FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (CriCode)number
            : CriCode.Unknown;
        if (code != CriCode.Ok)
        {
            var text = headers.TryGetValues("grpc-message", out var messages) ? Uri.UnescapeDataString(messages.First()) : "";
            throw new CriException(code, text.Length == 0 ? code.ToString() : text);
        }
    }
}
