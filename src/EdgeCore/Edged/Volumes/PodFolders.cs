using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>What pods leave on the disk: their folder with volumes and small files, and their logs.</summary>
internal static class PodFolders
{
    /// <summary>The pods that have a folder here. The file of the last status tells our pods from a kubelet's.</summary>
    public static IReadOnlyList<string> Uids(EdgedSettings settings)
    {
        var pods = Path.Combine(settings.RootDirectory, "pods");
        return Directory.Exists(pods)
            ? [.. Directory.EnumerateDirectories(pods).Where(p => File.Exists(Path.Combine(p, StatusReporter.FileName))).Select(p => Path.GetFileName(p))]
            : [];
    }

    /// <summary>Unmounts and deletes all of it; what is gone already is no error.</summary>
    public static void Remove(EdgedSettings settings, string uid)
    {
        var folder = settings.PodFolder(uid);
        foreach (var mount in NativeFiles.MountsUnder(folder))
        {
            NativeFiles.Unmount(mount);
        }

        // the logs first: the folder holds the mark by which an interrupted removal is found again
        if (Directory.Exists(settings.Kubelet.PodLogsDir))
        {
            foreach (var logs in Directory.GetDirectories(settings.Kubelet.PodLogsDir, "*_" + uid))
            {
                Directory.Delete(logs, recursive: true);
            }
        }

        if (Directory.Exists(folder))
        {
            DeleteMarkLast(folder);
        }
    }

    private static void DeleteMarkLast(string folder)
    {
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().Where(e => e.Name != StatusReporter.FileName))
        {
            if (entry is DirectoryInfo { LinkTarget: null } child)
            {
                child.Delete(recursive: true);
            }
            else
            {
                entry.Delete();
            }
        }

        Directory.Delete(folder, recursive: true);
    }
}
