using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The caches that decide what nodes hold.</summary>
internal sealed record HubInformers(
    Informer Nodes, Informer Pods, Informer ConfigMaps, Informer Secrets, Informer Devices, Informer DeviceModels)
{
    /// <summary>Whether every cache holds a full list: before that, nothing may be taken for deleted.</summary>
    public bool HaveSynced => Nodes.HasSynced && Pods.HasSynced && ConfigMaps.HasSynced && Secrets.HasSynced
        && Devices.HasSynced && DeviceModels.HasSynced;
}
