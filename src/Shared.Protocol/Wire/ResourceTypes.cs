namespace EdgeSync.Protocol.Wire;

/// <summary>KubeEdge's names for what a wire resource addresses.</summary>
public static class ResourceTypes
{
    public const string Node = "node";
    public const string NodePatch = "nodepatch";
    public const string Lease = "lease";
    public const string Pod = "pod";
    public const string PodPatch = "podpatch";
    public const string ConfigMap = "configmap";
    public const string Secret = "secret";
    public const string Event = "event";
    public const string Device = "device";
    public const string DeviceModel = "devicemodel";
    public const string ServiceAccountToken = "serviceaccounttoken";
    public const string Membership = "membership";
}
