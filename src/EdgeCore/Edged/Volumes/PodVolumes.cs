using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>A pod's volumes on this machine, or why they are not there yet.</summary>
/// <param name="Paths">Volume name to host path.</param>
/// <param name="Problem">In words; null where all are there.</param>
internal sealed record MountedVolumes(IReadOnlyDictionary<string, string> Paths, string? Problem);

/// <summary>
/// Makes a pod's volumes, keeps their files up to date and removes them. Calling it again is safe and cheap: what is
/// as it should be stays untouched. Volumes with secrets live in memory.
/// </summary>
internal sealed class PodVolumes(EdgedSettings settings, VolumeContents contents, TimeProvider time)
{
    /// <summary>Brings all volumes of the pod up to date.</summary>
    public MountedVolumes Prepare(WantedPod pod, DownwardFields fields)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var volume in pod.Spec.Volumes)
        {
            try
            {
                paths[volume.Name] = Prepare(pod, volume, fields);
            }
            catch (Exception e) when (e is MissingReferenceException or IOException or UnauthorizedAccessException or KubeObjectException)
            {
                return new MountedVolumes(paths, $"volume \"{volume.Name}\": {e.Message}");
            }
        }

        return new MountedVolumes(paths, null);
    }

    private string Prepare(WantedPod pod, Volume volume, DownwardFields fields)
    {
        var group = (uint?)pod.Spec.SecurityContext?.FsGroup;
        if (volume.HostPath is { } host)
        {
            HostPathCheck.Ensure(host);
            return host.Path;
        }

        if (volume.Other?.TryGetValue("persistentVolumeClaim", out var claim) == true)
        {
            return ClaimFolder.Of(pod, claim);
        }

        if (volume.EmptyDir is { } empty)
        {
            return PrepareEmptyDir(FolderOf(pod, "kubernetes.io~empty-dir", volume), empty, group);
        }

        if (contents.Files(pod, volume, fields) is not { } files)
        {
            var kind = volume.Other?.Keys.FirstOrDefault() ?? "unknown";
            throw new MissingReferenceException(
                $"volumes of the kind {kind} are not supported on edge nodes; use hostPath, emptyDir, configMap, secret, downwardAPI or projected");
        }

        var kindFolder = volume switch
        {
            { ConfigMap: not null } => "kubernetes.io~configmap",
            { Secret: not null } => "kubernetes.io~secret",
            { DownwardAPI: not null } => "kubernetes.io~downward-api",
            _ => "kubernetes.io~projected",
        };
        var folder = FolderOf(pod, kindFolder, volume);
        Directory.CreateDirectory(folder);
        if (IsSecret(volume) && !NativeFiles.IsMounted(folder))
        {
            NativeFiles.MountTmpfs(folder, limit: null, mode: "0755");
        }

        AtomicFolder.Write(folder, files, group, time.GetUtcNow());
        return folder;
    }

    private static bool IsSecret(Volume volume) =>
        volume.Secret is not null || volume.Projected?.Sources.Any(s => s.Secret is not null || s.ServiceAccountToken is not null) == true;

    private static string PrepareEmptyDir(string folder, EmptyDirVolumeSource source, uint? group)
    {
        var isNew = !Directory.Exists(folder);
        Directory.CreateDirectory(folder);
        if (source.Medium == "Memory" && !NativeFiles.IsMounted(folder))
        {
            var limit = source.SizeLimit is { } json && Quantity.TryRead(json, out var size) && size > Quantity.Zero ? size.Whole : (long?)null;
            NativeFiles.MountTmpfs(folder, limit, mode: "0777");
            isNew = true;
        }

        if (isNew)
        {
            // containers run as any user: Kubernetes makes empty folders writable for all
            const UnixFileMode Everybody = (UnixFileMode)0x1FF;
            File.SetUnixFileMode(folder, group is null ? Everybody : Everybody | UnixFileMode.SetGroup);
            if (group is { } gid)
            {
                NativeFiles.ChangeGroup(folder, gid);
            }
        }

        return folder;
    }

    private string FolderOf(WantedPod pod, string kind, Volume volume) =>
        Path.Combine(settings.PodFolder(pod.Uid), "volumes", kind, volume.Name);
}
