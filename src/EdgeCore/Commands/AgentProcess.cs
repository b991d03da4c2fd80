using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>Which process is the agent of a data folder.</summary>
internal static class AgentProcess
{
    /// <summary>
    /// The agent that holds the folder's lock; null when it cannot be told. A number in a file may be an older process's, so
    /// the process must be an edgecore that has this very lock file open.
    /// </summary>
    public static int? Of(EdgeFiles files) =>
        FolderLock.ReadPid(files.Pid) is { } pid && IsEdgeCore(pid) && HasOpen(pid, files.Lock) ? pid : null;

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
