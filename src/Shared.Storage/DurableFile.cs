using System.Runtime.InteropServices;

namespace EdgeSync.Storage;

/// <summary>Writes a file so that after a crash there is the old content or the new, never a part.</summary>
public static partial class DurableFile
{
    /// <summary>Owner reads and writes: for keys, tokens and configuration.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Owner writes, everybody reads: for certificates.</summary>
    public const UnixFileMode WorldReadable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Temporary file with the final mode from its first byte, fsync, rename, fsync of the folder.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = mode,
        }))
        {
            file.Write(content);
            Failpoint.Hit(StorageFailpoints.FileWritten);
            file.Flush(flushToDisk: true);
        }

        Failpoint.Hit(StorageFailpoints.FileFlushed);
        File.Move(temporary, path, overwrite: true);
        Failpoint.Hit(StorageFailpoints.FileRenamed);
        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        Failpoint.Hit(StorageFailpoints.FolderFlushed);
    }

    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte}, UnixFileMode)"/>
    public static void Write(string path, string content, UnixFileMode mode) =>
        Write(path, System.Text.Encoding.UTF8.GetBytes(content), mode);

    /// <summary>Gives a file its final name, over what has it now; done when it is on disk.</summary>
    public static void Rename(string from, string to)
    {
        File.Move(from, to, overwrite: true);
        Failpoint.Hit(StorageFailpoints.FileRenamed);
        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(to))!);
        Failpoint.Hit(StorageFailpoints.FolderFlushed);
    }

    /// <summary>A second name for a file, on the same disk; done when it is on disk.</summary>
    public static void Link(string file, string name)
    {
        if (HardLink(file, name) < 0)
        {
            throw new IOException($"cannot link {file} to {name}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(name))!);
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int HardLink(string file, string name);

    private static void SyncFolder(string folder)
    {
        const int readOnlyCloseOnExec = 0x80000;
        var descriptor = Open(folder, readOnlyCloseOnExec);
        if (descriptor < 0)
        {
            throw new IOException($"cannot open folder {folder}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var result = Fsync(descriptor);
        var error = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(descriptor);
        if (result < 0)
        {
            throw new IOException($"cannot flush folder {folder}: {error}");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
