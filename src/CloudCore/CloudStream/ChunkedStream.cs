using System.Globalization;
using System.Text;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// The body of an HTTP/1.1 response whose length is known: from its head, or from the chunks that it comes in. Owns the stream.
/// <code>
/// hexadecimal length [;extension] CRLF bytes CRLF … 0 CRLF trailers CRLF
/// </code>
/// </summary>
internal sealed class ChunkedStream : AsyncStream
{
    private const int MaxLineBytes = 256;

    private readonly BufferedStream _inner;
    private readonly bool _isChunked;
    private readonly byte[] _one = new byte[1];
    private long _left;
    private bool _isOver;

    /// <summary>A body in chunks.</summary>
    public ChunkedStream(Stream inner)
    {
        _inner = new BufferedStream(inner, 16 * 1024);
        _isChunked = true;
    }

    /// <summary>A body of so many bytes.</summary>
    public ChunkedStream(Stream inner, long length)
    {
        _inner = new BufferedStream(inner, 16 * 1024);
        _left = length;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isChunked && _left == 0 && !_isOver)
        {
            var line = await LineAsync(cancellationToken);
            if (!long.TryParse(line.Split(';')[0].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out _left) || _left < 0)
            {
                throw new IOException("the node's answer has a chunk without a length");
            }

            _isOver = _left == 0;
        }

        if (_left == 0 || buffer.Length == 0)
        {
            return 0;
        }

        var read = await _inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read > 0 ? read : throw new IOException("the node's answer ended too early");
        if (_isChunked && _left == 0)
        {
            await LineAsync(cancellationToken);
        }

        return read;
    }

    public override async ValueTask DisposeAsync()
    {
        await _inner.DisposeAsync();
        await base.DisposeAsync();
    }

    private async Task<string> LineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (line.Length < MaxLineBytes)
        {
            await _inner.ReadExactlyAsync(_one, cancellationToken);
            if (_one[0] == (byte)'\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append((char)_one[0]);
        }

        throw new IOException("the node's answer has a chunk head that is too long");
    }
}
