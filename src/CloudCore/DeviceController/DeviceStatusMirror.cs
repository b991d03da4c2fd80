using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.DeviceController;

/// <summary>
/// Shows devices' reported values as DeviceStatus objects too, where KubeEdge keeps them. <c>Device.status</c> is what counts: one
/// object to watch, written under its own version so that no value steps back, and read again by an agent that lost its database.
/// The mirror follows it at most once a second for each device, and only for devices of nodes that run KubeEdge's agent and for those
/// that have a DeviceStatus already: somebody reads it, also after the node has moved over.
/// </summary>
internal sealed partial class DeviceStatusMirror(
    KubeClient api, HubInformers caches, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private const int Workers = 4;
    private const string KubeEdgeVersionMark = "-kubeedge-";
    private static readonly TimeSpan s_batch = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_probeInterval = TimeSpan.FromMinutes(1);

    private readonly ILogger _logger = loggers.CreateLogger<DeviceStatusMirror>();
    private readonly Informer _statuses = new(api, ApiResources.DeviceStatuses, null, time, loggers.CreateLogger<Informer>());

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    /// <summary>Mirrors until cancelled. With several replicas the leader does, each term with a mirror of its own.</summary>
    internal async Task RunAsync(CancellationToken ct)
    {
        while (!await IsServedAsync(ct))
        {
            await Task.Delay(s_probeInterval, time, ct);
        }

        using var queue = new WorkQueue<NamespacedName>("device statuses", time, _logger);
        using var changes = caches.Devices.Subscribe(change => queue.AddAfter(change.Name, s_batch));
        await Task.WhenAll(_statuses.RunAsync(ct), MirrorAsync(queue, ct));
    }

    private async Task MirrorAsync(WorkQueue<NamespacedName> queue, CancellationToken cancellationToken)
    {
        await _statuses.WaitForSyncAsync(cancellationToken);
        await caches.Nodes.WaitForSyncAsync(cancellationToken);
        await caches.Devices.WaitForSyncAsync(cancellationToken);
        await queue.RunAsync(Workers, ReconcileAsync, cancellationToken);
    }

    private async Task<bool> IsServedAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await api.ServesAsync(ApiResources.DeviceStatuses, cancellationToken);
        }
        catch (ApiException e)
        {
            LogUnavailable(e.Message);
            return false;
        }
    }

    private async Task ReconcileAsync(NamespacedName name, CancellationToken cancellationToken)
    {
        var existing = _statuses.Get(name);
        if (caches.Devices.Get(name) is not { } device)
        {
            if (existing is not null)
            {
                await RemoveAsync(existing, cancellationToken);
            }

            return;
        }

        var content = JsonNode.Parse(device.Json.Span)!.AsObject();
        if (content["status"] is not JsonObject status || (existing is null && !IsOnKubeEdge(content)))
        {
            return;
        }

        if (existing is null)
        {
            await api.CreateAsync(ApiResources.DeviceStatuses, name.Namespace, Write(device, status, null), cancellationToken);
        }
        else if (!JsonNode.DeepEquals(JsonNode.Parse(existing.Json.Span)!["status"], status))
        {
            await api.UpdateAsync(
                ApiResources.DeviceStatuses, name.Namespace, name.Name, Write(device, status, existing.ResourceVersion), null, cancellationToken);
        }
    }

    private async Task RemoveAsync(KubeObject existing, CancellationToken cancellationToken)
    {
        try
        {
            await api.DeleteAsync(
                ApiResources.DeviceStatuses, existing.Namespace, existing.Name, new DeleteOptions { Uid = existing.Uid }, cancellationToken);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another one by now
        }
    }

    private bool IsOnKubeEdge(JsonObject device) =>
        (string?)device["spec"]?["nodeName"] is { Length: > 0 } node
        && caches.Nodes.Get(new NamespacedName("", node))?.View(KubernetesJson.Default.Node).Status?.NodeInfo?.KubeletVersion is { } version
        && version.Contains(KubeEdgeVersionMark, StringComparison.Ordinal);

    private static byte[] Write(KubeObject device, JsonObject status, string? version)
    {
        var metadata = new JsonObject
        {
            ["name"] = device.Name,
            ["namespace"] = device.Namespace,
            ["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = ApiResources.Devices.ApiVersion,
                ["kind"] = ApiResources.Devices.Kind,
                ["name"] = device.Name,
                ["uid"] = device.Uid,
            }),
        };
        if (version is not null)
        {
            metadata["resourceVersion"] = version;
        }

        return ObjectContent.Bytes(new JsonObject
        {
            ["apiVersion"] = ApiResources.DeviceStatuses.ApiVersion,
            ["kind"] = ApiResources.DeviceStatuses.Kind,
            ["metadata"] = metadata,
            ["spec"] = new JsonObject(),
            ["status"] = status.DeepClone(),
        });
    }

    [LoggerMessage(LogLevel.Warning, "DeviceStatus objects wait: {Text}")]
    private partial void LogUnavailable(string text);
}
