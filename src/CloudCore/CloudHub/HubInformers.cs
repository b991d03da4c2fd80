using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The caches that decide what nodes hold.</summary>
internal sealed record HubInformers(
    Informer Nodes, Informer Pods, Informer ConfigMaps, Informer Secrets, Informer Devices, Informer DeviceModels)
{
    /// <summary>Whether every cache holds a full list: before that, nothing may be taken for deleted.</summary>
    public bool HaveSynced => Nodes.HasSynced && Pods.HasSynced && ConfigMaps.HasSynced && Secrets.HasSynced
        && Devices.HasSynced && DeviceModels.HasSynced;

    /// <summary>What they know, by wire type.</summary>
    public IReadOnlyDictionary<string, ObjectCache> Caches() => new Dictionary<string, ObjectCache>
    {
        [ResourceTypes.Node] = Nodes.Cache,
        [ResourceTypes.Pod] = Pods.Cache,
        [ResourceTypes.ConfigMap] = ConfigMaps.Cache,
        [ResourceTypes.Secret] = Secrets.Cache,
        [ResourceTypes.Device] = Devices.Cache,
        [ResourceTypes.DeviceModel] = DeviceModels.Cache,
    };
}
