using System.Globalization;
using System.Text;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// The answer of a node to one request: an HTTP/1.1 response as it came through the tunnel. After an upgrade the body is the stream, both
/// ways. Owns the stream.
/// </summary>
internal sealed class KubeletResponse : IAsyncDisposable
{
    private const int MaxHeadBytes = 16 * 1024;
    private const int MaxErrorBytes = 8 * 1024;

    private readonly Dictionary<string, string> _headers;

    private KubeletResponse(int status, Dictionary<string, string> headers, Stream body)
    {
        Status = status;
        _headers = headers;
        Body = body;
    }

    public int Status { get; }

    public Stream Body { get; }

    /// <summary>The header's value; empty where there is none.</summary>
    public string Header(string name) => _headers.GetValueOrDefault(name, "");

    /// <summary>Reads the head.</summary>
    /// <exception cref="IOException">The stream ended before, or it is no HTTP/1.1 response.</exception>
    public static async Task<KubeletResponse> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxHeadBytes];
        var length = 0;
        while (true)
        {
            var end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                return Parse(Encoding.Latin1.GetString(buffer, 0, end), buffer.AsMemory(end + 4, length - end - 4), stream);
            }

            if (length == buffer.Length)
            {
                throw new IOException("the node's answer has a head that is too long");
            }

            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            length += read > 0 ? read : throw new IOException("the node gave no answer");
        }
    }

    /// <summary>The body as a text for people, as far as it is short.</summary>
    public async Task<string> ErrorTextAsync(CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxErrorBytes];
        var length = await Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return Encoding.UTF8.GetString(buffer, 0, length).Trim();
    }

    public ValueTask DisposeAsync() => Body.DisposeAsync();

    private static KubeletResponse Parse(string head, ReadOnlyMemory<byte> rest, Stream stream)
    {
        var lines = head.Split("\r\n");
        var status = lines[0].Split(' ', 3);
        if (!status[0].StartsWith("HTTP/1.", StringComparison.Ordinal) || status.Length < 2
            || !int.TryParse(status[1], NumberStyles.None, CultureInfo.InvariantCulture, out var code))
        {
            throw new IOException("the node's answer is no HTTP response");
        }

        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                headers[line[..colon].Trim()] = line[(colon + 1)..].Trim();
            }
        }

        Stream body = new PrefixedStream(rest, stream);
        if (headers.GetValueOrDefault("Transfer-Encoding", "").Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            body = new ChunkedStream(body);
        }
        else if (code != StatusCodes.Status101SwitchingProtocols
            && long.TryParse(headers.GetValueOrDefault("Content-Length"), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            body = new ChunkedStream(body, length);
        }

        return new KubeletResponse(code, headers, body);
    }
}
