using System.Buffers;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// A writer and its buffer, one kept for each thread: every write of the API renders an object or two, and buffers that grow anew each
/// time were a tenth of all that was allocated. Used within one method, without waiting; what is written is copied out.
/// </summary>
internal sealed class JsonScratch : IDisposable
{
    // of an unusually large object: not kept
    private const int MostKept = 128 * 1024;

    [ThreadStatic]
    private static JsonScratch? s_free;

    private readonly ArrayBufferWriter<byte> _buffer = new(8192);

    private JsonScratch() => Writer = new Utf8JsonWriter(_buffer, JsonFormat.Writer);

    public Utf8JsonWriter Writer { get; }

    /// <summary>All that was written; valid until this is disposed of.</summary>
    public ReadOnlySpan<byte> Written
    {
        get
        {
            Writer.Flush();
            return _buffer.WrittenSpan;
        }
    }

    public static JsonScratch Rent()
    {
        var scratch = s_free ?? new JsonScratch();
        s_free = null;
        return scratch;
    }

    public void Dispose()
    {
        if (_buffer.Capacity > MostKept)
        {
            Writer.Dispose();
            return;
        }

        _buffer.ResetWrittenCount();
        Writer.Reset(_buffer);
        s_free = this;
    }
}
