using EdgeSync.EdgeCore.Configuration;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>
/// What join and run have left below the data folder, by the names that they use. Only these are removed; a symbolic
/// link is removed and never followed, and a folder with something mounted below it is left whole, because what is
/// mounted there belongs to somebody else.
/// </summary>
internal sealed class Remains(EdgeFiles files)
{
    private readonly List<string> _left = [];

    /// <summary>After <see cref="Remove"/>: what is still there, and why.</summary>
    public IReadOnlyList<string> Left => _left;

    public bool Any() => Files().Any(IsThere) || Folders().Any(IsThere) || IsThere(files.Lock);

    public void Remove()
    {
        // the configuration goes last: without it a box looks as if it had never joined, and reset would not go on
        foreach (var folder in Folders())
        {
            RemoveFolder(folder);
        }

        foreach (var file in Files().Append(files.Lock).Append(files.Config))
        {
            File.Delete(file);
        }

        RemoveIfEmpty(files.Pki);
        RemoveIfEmpty(files.DataDir);
    }

    private IEnumerable<string> Files()
    {
        string[] fixedNames =
        [
            files.CaCertificate, files.Certificate, files.Key, files.Database, files.Database + "-wal", files.Database + "-shm",
            files.Pid, files.Ready, files.Log, files.Log + ".1",
        ];

        // files that a crash left between writing and renaming, and databases that were set aside as damaged
        return fixedNames
            .Concat(fixedNames.Append(files.Config).Select(f => f + ".new"))
            .Concat(Directory.Exists(files.DataDir) ? Directory.EnumerateFiles(files.DataDir, Path.GetFileName(files.Database) + ".damaged*") : [])
            .Append(files.Config);
    }

    private IEnumerable<string> Folders() => [files.KubeletRoot, files.PodLogs];

    private void RemoveFolder(string folder)
    {
        if (new FileInfo(folder).LinkTarget is not null)
        {
            File.Delete(folder);
            return;
        }

        if (!Directory.Exists(folder))
        {
            return;
        }

        if (MountPoints.Below(folder) is { Count: > 0 } mounts)
        {
            _left.AddRange(mounts.Select(m => $"{m} (something is mounted there: umount {m}, and run reset again)"));
            return;
        }

        Directory.Delete(folder, recursive: true);
    }

    private void RemoveIfEmpty(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        var others = Directory.EnumerateFileSystemEntries(folder).ToArray();
        if (others.Length == 0)
        {
            Directory.Delete(folder);
        }
        else
        {
            _left.AddRange(others.Where(o => o != files.Pki && !_left.Any(l => l.StartsWith(o + "/", StringComparison.Ordinal))).Select(o => $"{o} (not the agent's)"));
        }
    }

    private static bool IsThere(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;
}

/// <summary>What is mounted, as the kernel says.</summary>
internal static class MountPoints
{
    private const int MountPointField = 4;

    /// <summary>Mount points at or below the folder.</summary>
    public static IReadOnlyList<string> Below(string folder) =>
    [
        .. File.ReadLines("/proc/self/mountinfo")
            .Select(line => line.Split(' '))
            .Where(fields => fields.Length > MountPointField)
            .Select(fields => Unescape(fields[MountPointField]))
            .Where(mount => mount == folder || mount.StartsWith(folder + "/", StringComparison.Ordinal)),
    ];

    /// <summary>mountinfo writes space, tab, newline and backslash as octal escapes.</summary>
    private static string Unescape(string text) => text
        .Replace("\\040", " ", StringComparison.Ordinal)
        .Replace("\\011", "\t", StringComparison.Ordinal)
        .Replace("\\012", "\n", StringComparison.Ordinal)
        .Replace("\\134", "\\", StringComparison.Ordinal);
}
