using System.Buffers.Binary;
using System.Globalization;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Goes over the fields of one message.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> bytes)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The value of a number.</summary>
    public ulong Number { get; private set; }

    /// <summary>The value of a string, bytes or message.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    public static ApiException Malformed(string why) => ApiException.BadRequest($"the body is not valid protobuf: {why}");

    /// <summary>Reads the next field; false at the end.</summary>
    public bool Next(out int number)
    {
        number = 0;
        if (_rest.IsEmpty)
        {
            return false;
        }

        var tag = ReadVarint();
        number = (int)(tag >> 3);
        Bytes = [];
        Number = 0;
        switch ((int)(tag & 7))
        {
            case Varint:
                Number = ReadVarint();
                break;
            case Fixed64:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case Delimited:
                Bytes = Take(ReadVarint());
                break;
            case Fixed32:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw Malformed(string.Create(CultureInfo.InvariantCulture, $"wire type {tag & 7}"));
        }

        return true;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_rest.IsEmpty)
            {
                break;
            }

            var next = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Malformed("it ends within a number");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            throw Malformed("it ends within a field");
        }

        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }
}
