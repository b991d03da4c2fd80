using System.Buffers;
using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// Figures that an edge tells a hub with EdgeSync's extensions, as the content of an <see cref="Operations.Report"/> message: once it
/// holds everything that it should and all that waited at the connection has been taken, and again when
/// <see cref="Dropped"/> grows. Nothing answers it.
/// <code>{"dropped":0,"lost":0,"waiting":0}</code>
/// </summary>
public sealed record EdgeReport
{
    /// <summary>Upstream messages that were dropped because too many waited, in the life of the agent's database.</summary>
    public long Dropped { get; init; }

    /// <summary>Those of them that were dropped between the end of the last link and this report.</summary>
    public long Lost { get; init; }

    /// <summary>Messages that wait for the hub now.</summary>
    public long Waiting { get; init; }

    public byte[] Write()
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("dropped"u8, Dropped);
            json.WriteNumber("lost"u8, Lost);
            json.WriteNumber("waiting"u8, Waiting);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote. Members that are missing count as 0, further ones are left alone.</summary>
    /// <exception cref="ProtocolException">The content is not a report.</exception>
    public static EdgeReport Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            return new EdgeReport
            {
                Dropped = Number(document.RootElement, "dropped"u8),
                Lost = Number(document.RootElement, "lost"u8),
                Waiting = Number(document.RootElement, "waiting"u8),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ProtocolException($"report: {e.Message}", e);
        }
    }

    private static long Number(JsonElement report, ReadOnlySpan<byte> name) =>
        report.TryGetProperty(name, out var value) ? Math.Max(0, value.GetInt64()) : 0;
}
