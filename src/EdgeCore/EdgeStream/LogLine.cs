using System.Globalization;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>
/// One line of a container's log file, as the runtime writes it:
/// <code>
/// 2026-03-01T08:12:31.000000001Z stdout F the text
/// </code>
/// The third word is F for a whole line and P for a part of one that goes on in the next.
/// </summary>
internal readonly ref struct LogLine
{
    private LogLine(ReadOnlySpan<byte> time, ReadOnlySpan<byte> text, bool isPartial)
    {
        Time = time;
        Text = text;
        IsPartial = isPartial;
    }

    /// <summary>As written.</summary>
    public ReadOnlySpan<byte> Time { get; }

    /// <summary>Without the line's end.</summary>
    public ReadOnlySpan<byte> Text { get; }

    /// <summary>Whether the container's line goes on.</summary>
    public bool IsPartial { get; }

    /// <summary>When the runtime took it; the beginning of time where that cannot be read.</summary>
    public DateTimeOffset Moment =>
        DateTimeOffset.TryParse(
            System.Text.Encoding.ASCII.GetString(Time), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment
            : DateTimeOffset.MinValue;

    /// <summary>Takes a line, without its end, apart.</summary>
    /// <returns>False where it is none of the runtime's.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out LogLine parsed)
    {
        parsed = default;
        var timeEnd = line.IndexOf((byte)' ');
        var streamEnd = timeEnd < 1 ? -1 : line[(timeEnd + 1)..].IndexOf((byte)' ');
        if (streamEnd < 0)
        {
            return false;
        }

        var time = line[..timeEnd];
        var stream = line.Slice(timeEnd + 1, streamEnd);
        line = line[(timeEnd + streamEnd + 2)..];
        if (!stream.SequenceEqual("stdout"u8) && !stream.SequenceEqual("stderr"u8))
        {
            return false;
        }

        // the text may be empty, and then so may be the space before it
        var end = line.IndexOf((byte)' ');
        var tags = end < 0 ? line : line[..end];
        parsed = new LogLine(time, end < 0 ? default : line[(end + 1)..], tags.Length > 0 && tags[0] == (byte)'P');
        return true;
    }
}
