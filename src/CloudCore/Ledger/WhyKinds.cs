using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>A kind that <c>cloudcore why</c> can be asked about.</summary>
/// <param name="Kind">Kubernetes' name.</param>
/// <param name="Type">The wire's name; null for a DaemonSet, which stays in the cloud.</param>
/// <param name="Namespaced">False for nodes.</param>
internal sealed record WhyKind(string Kind, string? Type, bool Namespaced);

/// <summary>The names by which kubectl's users know them.</summary>
internal static class WhyKinds
{
    private static readonly (WhyKind Kind, string[] Names)[] s_kinds =
    [
        (new("Pod", ResourceTypes.Pod, true), ["pod", "pods", "po"]),
        (new("ConfigMap", ResourceTypes.ConfigMap, true), ["configmap", "configmaps", "cm"]),
        (new("Secret", ResourceTypes.Secret, true), ["secret", "secrets"]),
        (new("Device", ResourceTypes.Device, true), ["device", "devices"]),
        (new("DeviceModel", ResourceTypes.DeviceModel, true), ["devicemodel", "devicemodels"]),
        (new("Node", ResourceTypes.Node, false), ["node", "nodes", "no"]),
        (new("DaemonSet", null, true), ["daemonset", "daemonsets", "ds"]),
    ];

    /// <summary>For messages: one name of each.</summary>
    public static string All => string.Join(", ", s_kinds.Select(k => k.Names[0]));

    /// <summary>The kind of any of its names, in any case; null for none of them.</summary>
    public static WhyKind? Find(string name) =>
        s_kinds.FirstOrDefault(k => k.Names.Contains(name, StringComparer.OrdinalIgnoreCase)).Kind;
}
