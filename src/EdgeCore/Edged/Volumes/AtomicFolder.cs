using System.Globalization;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>A file of a volume that is made from an object.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="Mode">Its permissions.</param>
/// <param name="Owner">The user whose it is; null for the agent's own.</param>
internal readonly record struct VolumeFile(byte[] Content, UnixFileMode Mode, uint? Owner = null);

/// <summary>
/// Writes a set of files so that a reader in the container sees all old or all new ones, the kubelet's way:
/// <code>
/// ..2026_01_02_03_04_05.123456/app.conf      the files
/// ..data -> ..2026_01_02_03_04_05.123456     renamed over in one step
/// app.conf -> ..data/app.conf                what the container opens
/// </code>
/// </summary>
internal static class AtomicFolder
{
    private const string Data = "..data";
    private const string NewData = "..data_tmp";

    /// <summary>Brings the folder to hold exactly these files; does nothing where it does already.</summary>
    /// <returns>Whether anything was written.</returns>
    public static bool Write(string folder, IReadOnlyDictionary<string, VolumeFile> files, uint? group, DateTimeOffset now)
    {
        var data = Path.Combine(folder, Data);
        if (Holds(data, files))
        {
            return false;
        }

        var old = new DirectoryInfo(data).LinkTarget;
        var name = string.Create(
            CultureInfo.InvariantCulture, $"..{now.UtcDateTime:yyyy_MM_dd_HH_mm_ss}.{Random.Shared.Next(1_000_000_000)}");
        WriteFiles(Path.Combine(folder, name), files, group);
        Failpoint.Hit(EdgeFailpoints.VolumeFilesWritten);

        var link = Path.Combine(folder, NewData);
        File.Delete(link);
        File.CreateSymbolicLink(link, name);
        Failpoint.Hit(EdgeFailpoints.VolumeLinkMade);
        NativeFiles.Rename(link, data);
        Failpoint.Hit(EdgeFailpoints.VolumeLinkRenamed);
        LinkNames(folder, files.Keys.Select(FirstSegment).ToHashSet(StringComparer.Ordinal));
        Failpoint.Hit(EdgeFailpoints.VolumeNamesLinked);
        if (old is not null && Directory.Exists(Path.Combine(folder, old)))
        {
            Directory.Delete(Path.Combine(folder, old), recursive: true);
        }

        return true;
    }

    private static string FirstSegment(string path) => path.Split('/', 2)[0];

    private static bool Holds(string data, IReadOnlyDictionary<string, VolumeFile> files)
    {
        if (!Directory.Exists(data))
        {
            return false;
        }

        var present = Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(data, f)).ToHashSet(StringComparer.Ordinal);
        return present.SetEquals(files.Keys)
            && files.All(f => File.ReadAllBytes(Path.Combine(data, f.Key)).AsSpan().SequenceEqual(f.Value.Content));
    }

    private static void WriteFiles(string folder, IReadOnlyDictionary<string, VolumeFile> files, uint? group)
    {
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, VolumeModes.Folder);
        foreach (var (path, file) in files)
        {
            var target = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using (var stream = new FileStream(target, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                stream.Write(file.Content);
            }

            if (file.Owner is { } uid)
            {
                NativeFiles.ChangeOwner(target, uid);
            }

            if (group is { } gid)
            {
                NativeFiles.ChangeGroup(target, gid);
            }

            // set apart from creation, where the umask would take bits away
            File.SetUnixFileMode(target, group is null ? file.Mode : file.Mode | UnixFileMode.GroupRead);
        }
    }

    private static void LinkNames(string folder, HashSet<string> names)
    {
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            if (!entry.Name.StartsWith("..", StringComparison.Ordinal) && !names.Contains(entry.Name))
            {
                entry.Delete();
            }
        }

        foreach (var name in names)
        {
            var link = new FileInfo(Path.Combine(folder, name));
            if (link.LinkTarget is null)
            {
                link.CreateAsSymbolicLink(Data + "/" + name);
            }
        }
    }
}

/// <summary>Permissions as Kubernetes writes them: a number, of which JSON shows the decimal form of the octal bits.</summary>
internal static class VolumeModes
{
    public const UnixFileMode Folder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const int DefaultFile = 0b110_100_100; // 0644

    public static UnixFileMode File(int? mode, int? defaultMode) => (UnixFileMode)((mode ?? defaultMode ?? DefaultFile) & 0x1FF);
}
