using System.Globalization;
using System.Runtime.InteropServices;
using EdgeSync.Storage;
using Microsoft.Win32.SafeHandles;

namespace EdgeSync.Hosting;

/// <summary>
/// Held by the one program that runs on a data folder: two would work on one database. The kernel lets go of the lock when the process
/// ends, however it ends; the files beside it only say who holds it, and are gone while nobody does.
/// </summary>
public sealed partial class FolderLock : IDisposable
{
    private const int LockExclusive = 2;
    private const int LockNoWait = 4;
    private const int WouldBlock = 11;

    private readonly FileStream _lock;
    private readonly string[] _pidFiles;

    private FolderLock(FileStream held, string[] pidFiles)
    {
        _lock = held;
        _pidFiles = pidFiles;
    }

    /// <summary>Takes the lock; null where another process holds it.</summary>
    /// <param name="lockFile">Made where it is not there, and left there.</param>
    /// <param name="pidFiles">Files of <see cref="WritePid"/>: removed now, in case an earlier process could not, and at the end.</param>
    /// <exception cref="IOException">The file cannot be made or locked.</exception>
    public static FolderLock? TryTake(string lockFile, params string[] pidFiles)
    {
        if (TryLock(lockFile) is not { } held)
        {
            return null;
        }

        var taken = new FolderLock(held, pidFiles);
        taken.RemovePids();
        return taken;
    }

    /// <summary>Whether a process holds the lock now.</summary>
    public static bool IsHeld(string lockFile)
    {
        if (!File.Exists(lockFile))
        {
            return false;
        }

        using var held = TryLock(lockFile);
        return held is null;
    }

    /// <summary>The number that <see cref="WritePid"/> wrote; null where there is none. It may be an older process's.</summary>
    public static int? ReadPid(string pidFile)
    {
        try
        {
            return int.TryParse(File.ReadAllText(pidFile), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 1 ? pid : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>" (process N)" where the file says so, for messages.</summary>
    public static string Describe(string pidFile) => ReadPid(pidFile) is { } pid ? $" (process {pid})" : "";

    /// <summary>Says in a file that this process holds the lock.</summary>
    /// <param name="pidFile">One of those that <see cref="TryTake"/> was told of.</param>
    public void WritePid(string pidFile)
    {
        if (!_pidFiles.Contains(pidFile))
        {
            throw new ArgumentException($"{pidFile} would not be removed at the end", nameof(pidFile));
        }

        try
        {
            DurableFile.Write(pidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), DurableFile.OwnerOnly);
        }
        catch (IOException)
        {
            // a full disk: the file is a convenience for other commands, and the program must run without it
        }
    }

    public void Dispose()
    {
        RemovePids();
        _lock.Dispose();
    }

    private void RemovePids() => Array.ForEach(_pidFiles, File.Delete);

    /// <summary>Opens (or makes) the file and locks it for this process; null when another holds it. Closing unlocks.</summary>
    private static FileStream? TryLock(string path)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None, // an exclusive flock
                UnixCreateMode = DurableFile.OwnerOnly,
            });
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return null;
        }

        // .NET takes a file that cannot be locked (a file system without locks) for one that is: ask again what came of it
        if (Flock(file.SafeFileHandle, LockExclusive | LockNoWait) == 0)
        {
            return file;
        }

        var error = Marshal.GetLastPInvokeErrorMessage();
        file.Dispose();
        throw new IOException($"cannot lock {path}: {error}");
    }

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);
}
