using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The caches that decide what nodes hold.</summary>
internal sealed record HubInformers(
    Informer Nodes, Informer Pods, Informer ConfigMaps, Informer Secrets, Informer Devices, Informer DeviceModels)
{
    /// <summary>Completes when every cache holds a full list: before that, nothing may be taken for deleted.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellationToken) => Task.WhenAll(
        Nodes.WaitForSyncAsync(cancellationToken),
        Pods.WaitForSyncAsync(cancellationToken),
        ConfigMaps.WaitForSyncAsync(cancellationToken),
        Secrets.WaitForSyncAsync(cancellationToken),
        Devices.WaitForSyncAsync(cancellationToken),
        DeviceModels.WaitForSyncAsync(cancellationToken));
}
