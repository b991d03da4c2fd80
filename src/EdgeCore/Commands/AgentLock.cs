using System.Globalization;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Storage;
using Microsoft.Win32.SafeHandles;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>
/// Held by the one agent that runs on a data folder. The kernel lets go of the lock when the process ends, however it
/// ends; the files beside it only say who holds it and whether it has come up.
/// </summary>
internal sealed class AgentLock : IDisposable
{
    private readonly EdgeFiles _files;
    private readonly SafeFileHandle _handle;

    private AgentLock(EdgeFiles files, SafeFileHandle handle)
    {
        _files = files;
        _handle = handle;
    }

    /// <summary>Null when an agent runs on the folder.</summary>
    public static AgentLock? TryTake(EdgeFiles files)
    {
        if (Linux.TryLock(files.Lock) is not { } handle)
        {
            return null;
        }

        var taken = new AgentLock(files, handle);
        File.Delete(files.Ready);
        File.Delete(files.Pid);
        return taken;
    }

    /// <summary>Says in files that this process is the agent.</summary>
    public void WritePid() => WriteOwnPid(_files.Pid);

    /// <summary>Says in files that the agent has come up.</summary>
    public void WriteReady() => WriteOwnPid(_files.Ready);

    public static bool IsHeld(EdgeFiles files)
    {
        if (!File.Exists(files.Lock))
        {
            return false;
        }

        using var handle = Linux.TryLock(files.Lock);
        return handle is null;
    }

    /// <summary>
    /// The agent that holds the lock; null when it cannot be told. A number in a file may be an older process's, so
    /// the process must be an edgecore that has this very lock file open.
    /// </summary>
    public static int? Holder(EdgeFiles files) =>
        ReadPid(files.Pid) is { } pid && IsEdgeCore(pid) && HasOpen(pid, files.Lock) ? pid : null;

    public static int? ReadPid(string path)
    {
        try
        {
            return int.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 1 ? pid : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        File.Delete(_files.Ready);
        File.Delete(_files.Pid);
        _handle.Dispose();
    }

    private static void WriteOwnPid(string path)
    {
        try
        {
            DurableFile.Write(path, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), DurableFile.OwnerOnly);
        }
        catch (IOException)
        {
            // a full disk: the file is a convenience for other commands, and the pods of a box must run without it
        }
    }

    private static bool IsEdgeCore(int pid)
    {
        try
        {
            // "dotnet edgecore.dll" and "edgecore" alike
            return File.ReadAllText($"/proc/{pid}/cmdline").Split('\0').Take(2).Any(a => Path.GetFileNameWithoutExtension(a) == "edgecore");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool HasOpen(int pid, string path)
    {
        try
        {
            var real = Linux.ResolvedName(path);
            return Directory.EnumerateFileSystemEntries($"/proc/{pid}/fd").Any(entry => new FileInfo(entry).LinkTarget == real);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
