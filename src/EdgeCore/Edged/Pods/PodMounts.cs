using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.Protocol.Kubernetes;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>The mounts of a container: its volumes, the pod's hosts file and the file of its last words.</summary>
internal static class PodMounts
{
    private const string HostsFile = "/etc/hosts";

    /// <returns>The mounts, or what is wrong with one.</returns>
    public static (IReadOnlyList<Mount> Mounts, string? Problem) Build(
        StartContext context, Container container, int attempt, EdgedSettings settings)
    {
        var mounts = new List<Mount>();
        foreach (var mount in container.VolumeMounts)
        {
            if (!context.Volumes.TryGetValue(mount.Name, out var path))
            {
                return (mounts, $"volumeMounts: the pod has no volume \"{mount.Name}\"");
            }

            try
            {
                mounts.Add(new Mount
                {
                    HostPath = Place(path, mount, context, container),
                    ContainerPath = Path.IsPathRooted(mount.MountPath) ? mount.MountPath : "/" + mount.MountPath,
                    Readonly = mount.ReadOnly,
                    Propagation = mount.MountPropagation switch
                    {
                        "HostToContainer" => MountPropagation.PropagationHostToContainer,
                        "Bidirectional" => MountPropagation.PropagationBidirectional,
                        _ => MountPropagation.PropagationPrivate,
                    },
                });
            }
            catch (Exception e) when (e is MissingReferenceException or IOException)
            {
                return (mounts, $"volumeMounts of \"{mount.Name}\": {e.Message}");
            }
        }

        if (mounts.All(m => m.ContainerPath != HostsFile))
        {
            mounts.Add(new Mount { HostPath = PodFiles.WriteHosts(context, settings), ContainerPath = HostsFile });
        }

        mounts.Add(new Mount
        {
            HostPath = PodFiles.MakeTerminationLog(settings, context.Pod.Uid, container.Name, attempt),
            ContainerPath = TerminationMessagePath(container),
        });
        return (mounts, null);
    }

    public static string TerminationMessagePath(Container container) =>
        string.IsNullOrEmpty(container.TerminationMessagePath) ? "/dev/termination-log" : container.TerminationMessagePath;

    private static string Place(string volume, VolumeMount mount, StartContext context, Container container)
    {
        if (!string.IsNullOrEmpty(mount.SubPath))
        {
            return SubPath.Resolve(volume, mount.SubPath);
        }

        // with no type given, Kubernetes leaves the making of a missing hostPath to the runtime, which makes a folder
        var isHostPath = context.Pod.Spec.Volumes.Any(v => v.Name == mount.Name && v.HostPath is not null);
        if (isHostPath && !Path.Exists(volume))
        {
            Directory.CreateDirectory(volume);
        }

        return volume;
    }
}
