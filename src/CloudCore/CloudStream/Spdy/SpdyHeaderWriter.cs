using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace EdgeSync.CloudCore.CloudStream.Spdy;

/// <summary>
/// Writes header blocks as a zlib stream that compresses nothing: a stored block, and an empty one, at which readers hand out what they
/// have. A stream's few words are not worth more, and nothing about them shows by their length.
/// </summary>
internal sealed class SpdyHeaderWriter
{
    private static readonly byte[] s_zlib = [0x78, 0x01];
    private static readonly byte[] s_flush = [0x00, 0x00, 0x00, 0xff, 0xff];

    private bool _begun;

    public byte[] Write(IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        var block = new ArrayBufferWriter<byte>(256);
        Number(block, headers.Count);
        foreach (var (name, value) in headers)
        {
            Text(block, name.ToLowerInvariant());
            Text(block, value);
        }

        var output = new ArrayBufferWriter<byte>(block.WrittenCount + 16);
        if (!_begun)
        {
            output.Write(s_zlib);
            _begun = true;
        }

        Span<byte> stored = stackalloc byte[5];
        BinaryPrimitives.WriteUInt16LittleEndian(stored[1..], checked((ushort)block.WrittenCount));
        BinaryPrimitives.WriteUInt16LittleEndian(stored[3..], (ushort)~block.WrittenCount);
        output.Write(stored);
        output.Write(block.WrittenSpan);
        output.Write(s_flush);
        return output.WrittenSpan.ToArray();
    }

    private static void Text(ArrayBufferWriter<byte> block, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Number(block, bytes.Length);
        block.Write(bytes);
    }

    private static void Number(ArrayBufferWriter<byte> block, int number)
    {
        BinaryPrimitives.WriteInt32BigEndian(block.GetSpan(4), number);
        block.Advance(4);
    }
}
