using System.Buffers;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>Copies what is wanted of a container's log to a stream, as the kubelet does.</summary>
/// <param name="options">What is wanted.</param>
/// <param name="isRunning">Whether more may still be written.</param>
/// <param name="to">Where it goes.</param>
/// <param name="time">The clock.</param>
internal sealed class LogCopy(LogOptions options, Func<CancellationToken, Task<bool>> isRunning, Stream to, TimeProvider time)
{
    private const int BatchBytes = 16 * 1024;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_lookAtContainer = TimeSpan.FromSeconds(1);

    private readonly ArrayBufferWriter<byte> _batch = new(BatchBytes);
    private long _left = options.LimitBytes ?? long.MaxValue;
    private bool _lineGoesOn;

    /// <summary>Completes at the log's end: of a container that runs and is followed, when it has ended.</summary>
    /// <exception cref="IOException">The log cannot be read, or nobody takes it.</exception>
    public async Task RunAsync(string path, CancellationToken cancellationToken)
    {
        using var file = new LogFile(path);
        if (options.TailLines is { } lines)
        {
            file.SeekTail(lines);
        }

        var lookedAt = time.GetTimestamp();
        var ended = false;
        while (true)
        {
            while (_left > 0 && TakeLines(file))
            {
                await FlushAsync(cancellationToken);
            }

            await FlushAsync(cancellationToken);
            if (_left == 0 || !options.Follow)
            {
                return;
            }

            if (file.TryGoOn())
            {
                continue;
            }

            if (ended && !file.HasNext)
            {
                return;
            }

            await Task.Delay(s_look, time, cancellationToken);
            if (time.GetElapsedTime(lookedAt) >= s_lookAtContainer)
            {
                // what it wrote last is read in one more round
                ended = !await isRunning(cancellationToken);
                lookedAt = time.GetTimestamp();
            }
        }
    }

    /// <returns>Whether there may be more right now.</returns>
    private bool TakeLines(LogFile file)
    {
        while (_batch.WrittenCount < BatchBytes && _left > 0)
        {
            if (!file.TryRead(out var raw))
            {
                return false;
            }

            if (LogLine.TryParse(raw, out var line))
            {
                Take(line);
            }
        }

        return true;
    }

    private void Take(LogLine line)
    {
        if (options.Since is { } since && line.Moment < since)
        {
            return;
        }

        if (options.Timestamps && !_lineGoesOn)
        {
            Write(line.Time);
            Write(" "u8);
        }

        Write(line.Text);
        if (!line.IsPartial)
        {
            Write("\n"u8);
        }

        _lineGoesOn = line.IsPartial;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        var part = bytes[..(int)Math.Min(bytes.Length, _left)];
        _batch.Write(part);
        _left -= part.Length;
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_batch.WrittenCount > 0)
        {
            await to.WriteAsync(_batch.WrittenMemory, cancellationToken);
            _batch.ResetWrittenCount();
        }
    }
}
