using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged.Node;

namespace EdgeSync.EdgeCore.Edged;

/// <summary>What the pod runner takes from edgecore.yaml, with what is empty there filled in from the machine.</summary>
internal sealed record EdgedSettings
{
    public required string NodeName { get; init; }

    /// <summary>The node's InternalIP; empty on a machine without any address but loopback.</summary>
    public required string NodeIP { get; init; }

    /// <summary>Where pods' volumes and small files live: <c>pods/UID/…</c>.</summary>
    public required string RootDirectory { get; init; }

    public required TailoredKubeletConfig Kubelet { get; init; }

    public required IReadOnlyDictionary<string, string> NodeLabels { get; init; }

    /// <summary>The folder of one pod, which goes when the pod goes.</summary>
    public string PodFolder(string uid) => Path.Combine(RootDirectory, "pods", uid);

    public static EdgedSettings From(EdgeCoreConfig config)
    {
        var edged = config.Modules.Edged;
        return new EdgedSettings
        {
            NodeName = edged.HostnameOverride.Length > 0 ? edged.HostnameOverride : Environment.MachineName.ToLowerInvariant(),
            NodeIP = edged.NodeIP.Length > 0 ? edged.NodeIP : HostAddress.Find(),
            RootDirectory = edged.RootDirectory,
            Kubelet = edged.TailoredKubeletConfig,
            NodeLabels = edged.NodeLabels,
        };
    }
}
