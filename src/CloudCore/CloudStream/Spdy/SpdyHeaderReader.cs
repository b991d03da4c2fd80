using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudStream.Spdy;

/// <summary>
/// Reads the header blocks that one peer sends over one connection: a single zlib stream with a preset dictionary, flushed after each block.
/// .NET's inflater takes no dictionary. It does take a stored block, so the dictionary goes in as one and its output is dropped: what
/// follows finds it where a preset dictionary would be.
/// <code>
/// 78 bb | dictionary's Adler-32 (4 bytes), where bit 5 of the second byte is set | deflate blocks…
/// block, inflated: count (4) | { length (4) name | length (4) value }…
/// </code>
/// </summary>
internal sealed class SpdyHeaderReader : IDisposable
{
    /// <summary>The most that one block may inflate to, bytes.</summary>
    public const int MaxBlockBytes = 64 * 1024;

    private const int MaxHeaders = 128;
    private const uint DictionaryId = 0xe3c6a7c2;

    private readonly MemoryStream _compressed = new();
    private readonly DeflateStream _inflater;
    private bool _begun;

    public SpdyHeaderReader() => _inflater = new DeflateStream(_compressed, CompressionMode.Decompress);

    /// <summary>Reads one block.</summary>
    /// <exception cref="ProtocolException">It is none, or too large.</exception>
    public IReadOnlyDictionary<string, string> Read(ReadOnlySpan<byte> block)
    {
        try
        {
            return Parse(Inflate(block));
        }
        catch (InvalidDataException e)
        {
            throw new ProtocolException("SPDY headers that do not inflate", e);
        }
    }

    public void Dispose() => _inflater.Dispose();

    private byte[] Inflate(ReadOnlySpan<byte> block)
    {
        if (!_begun)
        {
            block = Begin(block);
            _begun = true;
        }

        Feed(block);
        var inflated = new byte[MaxBlockBytes + 1];
        var length = _inflater.ReadAtLeast(inflated, inflated.Length, throwOnEndOfStream: false);
        return length <= MaxBlockBytes ? inflated[..length] : throw new ProtocolException($"SPDY headers of more than {MaxBlockBytes} bytes");
    }

    private ReadOnlySpan<byte> Begin(ReadOnlySpan<byte> block)
    {
        if (block.Length < 2 || (block[0] & 0x0f) != 8 || ((block[0] << 8) + block[1]) % 31 != 0)
        {
            throw new ProtocolException("SPDY headers that are no zlib stream");
        }

        if ((block[1] & 0x20) == 0)
        {
            return block[2..];
        }

        if (block.Length < 6 || BinaryPrimitives.ReadUInt32BigEndian(block[2..]) != DictionaryId)
        {
            throw new ProtocolException("SPDY headers with another dictionary than SPDY/3's");
        }

        var dictionary = SpdyDictionary.Bytes;
        var stored = new byte[5 + dictionary.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(1), (ushort)dictionary.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(3), (ushort)~dictionary.Length);
        dictionary.CopyTo(stored, 5);
        Feed(stored);
        _inflater.ReadExactly(new byte[dictionary.Length]);
        return block[6..];
    }

    private void Feed(ReadOnlySpan<byte> bytes)
    {
        _compressed.SetLength(0);
        _compressed.Write(bytes);
        _compressed.Position = 0;
    }

    private static Dictionary<string, string> Parse(ReadOnlySpan<byte> block)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var count = Number(ref block);
        if (count > MaxHeaders)
        {
            throw new ProtocolException($"{count} SPDY headers; the most is {MaxHeaders}");
        }

        for (var i = 0; i < count; i++)
        {
            var name = Text(ref block);
            headers[name] = Text(ref block);
        }

        return headers;
    }

    private static string Text(ref ReadOnlySpan<byte> block)
    {
        var length = Number(ref block);
        if (length > block.Length)
        {
            throw new ProtocolException("SPDY headers that end too early");
        }

        var text = Encoding.UTF8.GetString(block[..(int)length]);
        block = block[(int)length..];
        return text;
    }

    private static uint Number(ref ReadOnlySpan<byte> block)
    {
        if (block.Length < 4)
        {
            throw new ProtocolException("SPDY headers that end too early");
        }

        var number = BinaryPrimitives.ReadUInt32BigEndian(block);
        block = block[4..];
        return number;
    }
}
