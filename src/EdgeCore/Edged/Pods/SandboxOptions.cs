using System.Globalization;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>Turns a pod's spec into the runtime's sandbox configuration.</summary>
internal static class SandboxOptions
{
    private const int MaxHostname = 63;

    public static PodSandboxConfig Build(WantedPod pod, EdgedSettings settings, int attempt)
    {
        var spec = pod.Spec;
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata
            {
                Name = pod.Name,
                Namespace = pod.Namespace,
                Uid = pod.Uid,
                Attempt = (uint)attempt,
            },
            // on the host's network the host's name is kept
            Hostname = spec.HostNetwork ? "" : Hostname(pod),
            LogDirectory = LogFolder(pod.Namespace, pod.Name, pod.Uid, settings),
            DnsConfig = Dns(pod, settings),
            Linux = new LinuxPodSandboxConfig { CgroupParent = CgroupParent(pod.Uid, settings), SecurityContext = Security(spec) },
        };
        foreach (var (key, value) in pod.Pod.Metadata.Labels ?? new Dictionary<string, string>())
        {
            config.Labels[key] = value;
        }

        AddIdentity(config.Labels, pod, settings);
        config.Annotations[PodLabels.GracePeriod] = ((long)pod.GracePeriod.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        AddPorts(config, spec);
        foreach (var sysctl in spec.SecurityContext?.Sysctls ?? [])
        {
            config.Linux.Sysctls[sysctl.Name] = sysctl.Value;
        }

        return config;
    }

    /// <summary>The labels that sandboxes and containers share.</summary>
    public static void AddIdentity(IDictionary<string, string> labels, WantedPod pod, EdgedSettings settings)
    {
        labels[PodLabels.Node] = settings.NodeName;
        labels[PodLabels.PodName] = pod.Name;
        labels[PodLabels.PodNamespace] = pod.Namespace;
        labels[PodLabels.PodUid] = pod.Uid;
    }

    /// <summary>Where the pod's logs are: the kubelet's layout, which log collectors know.</summary>
    public static string LogFolder(string ns, string name, string uid, EdgedSettings settings) =>
        Path.Combine(settings.Kubelet.PodLogsDir, $"{ns}_{name}_{uid}");

    public static NamespaceOption Namespaces(PodSpec spec) => new()
    {
        Network = spec.HostNetwork ? NamespaceMode.Node : NamespaceMode.Pod,
        Ipc = spec.HostIPC ? NamespaceMode.Node : NamespaceMode.Pod,
        Pid = spec.HostPID ? NamespaceMode.Node : spec.ShareProcessNamespace == true ? NamespaceMode.Pod : NamespaceMode.Container,
    };

    /// <summary>The pod's name as its host sees it.</summary>
    public static string Hostname(WantedPod pod)
    {
        var name = string.IsNullOrEmpty(pod.Spec.Hostname) ? pod.Name : pod.Spec.Hostname;
        return name.Length <= MaxHostname ? name : name[..MaxHostname].TrimEnd('-', '.');
    }

    /// <summary>With systemd a slice must be named; otherwise the runtime's own place is as good as any.</summary>
    private static string CgroupParent(string uid, EdgedSettings settings) =>
        settings.Kubelet.CgroupDriver == "systemd" ? $"kubepods-pod{uid.Replace('-', '_')}.slice" : "";

    private static LinuxSandboxSecurityContext Security(PodSpec spec)
    {
        var security = new LinuxSandboxSecurityContext
        {
            NamespaceOptions = Namespaces(spec),
            Privileged = spec.InitContainers.Concat(spec.Containers).Any(c => c.SecurityContext?.Privileged == true),
        };
        if (spec.SecurityContext is { } context)
        {
            security.SupplementalGroups.AddRange(context.SupplementalGroups);
            if (context.FsGroup is { } group)
            {
                security.SupplementalGroups.Add(group);
            }
        }

        return security;
    }

    private static DNSConfig Dns(WantedPod pod, EdgedSettings settings)
    {
        var policy = pod.Spec.DnsPolicy ?? "ClusterFirst";
        var servers = settings.Kubelet.ClusterDNS;
        var inCluster = servers.Count > 0 && (policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && !pod.Spec.HostNetwork));
        var dns = policy == "None" ? new DNSConfig() : ResolvConf.Read(settings.Kubelet.ResolvConf);
        if (inCluster)
        {
            var domain = settings.Kubelet.ClusterDomain;
            dns.Servers.Clear();
            dns.Servers.AddRange(servers);
            string[] searches = [$"{pod.Namespace}.svc.{domain}", $"svc.{domain}", domain, .. dns.Searches];
            dns.Searches.Clear();
            dns.Searches.AddRange(searches);
            dns.Options.Clear();
            dns.Options.Add("ndots:5");
        }

        if (pod.Spec.DnsConfig is { } extra)
        {
            dns.Servers.AddRange(extra.Nameservers.Except(dns.Servers));
            dns.Searches.AddRange(extra.Searches.Except(dns.Searches));
            dns.Options.AddRange(extra.Options.Select(o => o.Value is { Length: > 0 } value ? $"{o.Name}:{value}" : o.Name));
        }

        return dns;
    }

    private static void AddPorts(PodSandboxConfig config, PodSpec spec)
    {
        if (spec.HostNetwork)
        {
            return; // the container's ports are the host's already
        }

        foreach (var port in spec.Containers.SelectMany(c => c.Ports).Where(p => p.HostPort is > 0))
        {
            config.PortMappings.Add(new PortMapping
            {
                ContainerPort = port.Port,
                HostPort = port.HostPort!.Value,
                HostIp = port.HostIP ?? "",
                Protocol = port.Protocol switch
                {
                    "UDP" => Cri.Protocol.Udp,
                    "SCTP" => Cri.Protocol.Sctp,
                    _ => Cri.Protocol.Tcp,
                },
            });
        }
    }
}
