using Microsoft.Win32.SafeHandles;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>
/// Reads one container's log file and goes on in the next when it is set aside (<see cref="Edged.Pods.LogRotation"/>). Of one reader.
/// </summary>
internal sealed class LogFile : IDisposable
{
    /// <summary>The runtime cuts longer lines into parts of 16 KiB; what is longer is none of its lines.</summary>
    private const int MaxLineBytes = 256 * 1024;

    private const int BlockBytes = 64 * 1024;

    private readonly string _path;
    private FileStream _file;
    private byte[] _buffer = new byte[BlockBytes];
    private int _begin;
    private int _end;
    private bool _hasSeenNext;

    /// <exception cref="IOException">The file cannot be opened.</exception>
    public LogFile(string path)
    {
        _path = path;
        _file = Open(path);
    }

    /// <summary>Whether the file that is read was set aside or removed: what is left of it is read, then comes another.</summary>
    private bool IsSetAside => NameOf(_file.SafeFileHandle) != _path;

    /// <summary>Places it before the last <paramref name="lines"/> lines.</summary>
    public void SeekTail(long lines)
    {
        var block = new byte[BlockBytes];
        var left = _file.Length;
        var seen = -1L; // the end of the last line is not one more line
        while (left > 0)
        {
            var length = (int)Math.Min(block.Length, left);
            _file.Position = left - length;
            _file.ReadExactly(block, 0, length);
            for (var i = length - 1; i >= 0; i--)
            {
                if (block[i] == (byte)'\n' || (seen < 0 && left == _file.Length && i == length - 1))
                {
                    if (++seen == lines)
                    {
                        _file.Position = left - length + i + 1;
                        return;
                    }
                }
            }

            left -= length;
        }

        _file.Position = 0;
    }

    /// <summary>The next whole line, without its end; false where there is none (yet).</summary>
    /// <param name="line">Good until the next call.</param>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            var end = _buffer.AsSpan(_begin, _end - _begin).IndexOf((byte)'\n');
            if (end >= 0)
            {
                line = _buffer.AsSpan(_begin, end);
                _begin += end + 1;
                return true;
            }

            if (!Fill())
            {
                line = default;
                return false;
            }
        }
    }

    /// <summary>Whether the next file is there: <see cref="TryGoOn"/> goes on to it, now or at the next look.</summary>
    public bool HasNext => IsSetAside && File.Exists(_path);

    /// <summary>
    /// Goes on to the file that is written now, where the one that was read has been set aside: at the second look that finds the
    /// next one there and nothing more in this one, since the runtime makes the next one before it writes to it.
    /// </summary>
    /// <returns>Whether there may be more to read now.</returns>
    public bool TryGoOn()
    {
        if (!HasNext)
        {
            return false;
        }

        // it may have been written to since the last look
        if (_file.Position < _file.Length)
        {
            return true;
        }

        if (!_hasSeenNext)
        {
            _hasSeenNext = true;
            return false;
        }

        try
        {
            var next = Open(_path);
            _file.Dispose();
            _file = next;
            (_begin, _end, _hasSeenNext) = (0, 0, false);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    public void Dispose() => _file.Dispose();

    private static FileStream Open(string path) => new(
        path, new FileStreamOptions { Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });

    private static string NameOf(SafeFileHandle handle) =>
        File.ResolveLinkTarget($"/proc/self/fd/{handle.DangerousGetHandle()}", returnFinalTarget: false)?.FullName ?? "";

    private bool Fill()
    {
        if (_begin > 0)
        {
            _buffer.AsSpan(_begin, _end - _begin).CopyTo(_buffer);
            (_begin, _end) = (0, _end - _begin);
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= MaxLineBytes)
            {
                _end = 0; // whatever it is, it is no line
            }
            else
            {
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }
        }

        var read = _file.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read > 0;
    }
}
