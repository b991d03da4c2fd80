using System.Globalization;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using Google.Protobuf;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>Turns a container's spec into the runtime's container configuration.</summary>
internal static class ContainerOptions
{
    // what the kubelet hides of /proc and /sys in containers that are not privileged (ProcMount Default)
    private static readonly string[] s_maskedPaths =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] s_readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    public static ContainerConfig Build(
        WantedPod pod, Container container, PlannedStart start, EdgedSettings settings,
        IReadOnlyDictionary<string, string> env, IEnumerable<Mount> mounts, Image image)
    {
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = container.Name, Attempt = (uint)start.Attempt },
            Image = new ImageSpec { Image = image.Id },
            WorkingDir = container.WorkingDir ?? "",
            LogPath = LogPath(container.Name, start.Attempt),
            Stdin = container.Stdin,
            StdinOnce = container.StdinOnce,
            Tty = container.Tty,
            Linux = new LinuxContainerConfig
            {
                Resources = ResourceOptions.For(pod.Spec, container),
                SecurityContext = Security(pod.Spec, container, image),
            },
        };
        config.Command.AddRange(container.Command.Select(word => EnvExpansion.Expand(word, env)));
        config.Args.AddRange(container.Args.Select(word => EnvExpansion.Expand(word, env)));
        config.Envs.AddRange(env.Select(e => new KeyValue { Key = e.Key, Value = ByteString.CopyFromUtf8(e.Value) }));
        config.Mounts.AddRange(mounts);
        SandboxOptions.AddIdentity(config.Labels, pod, settings);
        config.Labels[PodLabels.ContainerName] = container.Name;
        config.Annotations[PodLabels.ContainerHash] = ContainerHash.Compute(container);
        config.Annotations[PodLabels.RestartCount] = start.Attempt.ToString(CultureInfo.InvariantCulture);
        config.Annotations[PodLabels.BackoffLevel] = start.BackoffLevel.ToString(CultureInfo.InvariantCulture);
        return config;
    }

    /// <summary>Relative to the pod's log folder.</summary>
    public static string LogPath(string container, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"{container}/{attempt}.log");

    private static LinuxContainerSecurityContext Security(PodSpec spec, Container container, Image image)
    {
        var pod = spec.SecurityContext;
        var own = container.SecurityContext;
        var security = new LinuxContainerSecurityContext
        {
            Privileged = own?.Privileged == true,
            NamespaceOptions = SandboxOptions.Namespaces(spec),
            ReadonlyRootfs = own?.ReadOnlyRootFilesystem == true,
            NoNewPrivs = own?.AllowPrivilegeEscalation == false,
            RunAsUser = Wrap(own?.RunAsUser ?? pod?.RunAsUser),
            RunAsGroup = Wrap(own?.RunAsGroup ?? pod?.RunAsGroup),
        };
        if (security is { RunAsGroup: not null, RunAsUser: null })
        {
            // CRI takes a group only beside a user: the image's own
            security.RunAsUser = image.Username.Length > 0 ? null : image.Uid ?? new Int64Value();
            security.RunAsUsername = image.Username;
        }

        security.SupplementalGroups.AddRange(pod?.SupplementalGroups ?? []);
        if (pod?.FsGroup is { } group)
        {
            security.SupplementalGroups.Add(group);
        }

        if (own?.Capabilities is { } capabilities)
        {
            security.Capabilities = new Capability();
            security.Capabilities.AddCapabilities.AddRange(capabilities.Add);
            security.Capabilities.DropCapabilities.AddRange(capabilities.Drop);
        }

        if (!security.Privileged)
        {
            security.MaskedPaths.AddRange(s_maskedPaths);
            security.ReadonlyPaths.AddRange(s_readonlyPaths);
        }

        return security;
    }

    private static Int64Value? Wrap(long? value) => value is { } given ? new Int64Value { Value = given } : null;
}
