using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>What a session with a hub without extensions needs of the agent; for the agent's life.</summary>
/// <param name="Config">The agent's configuration.</param>
/// <param name="Objects">What is stored.</param>
/// <param name="Running">Reads the pods of this node from the runtime, by UID.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logs">The log.</param>
internal sealed record KubeEdgePeer(
    EdgeCoreConfig Config, MetaManager.MetaManager Objects,
    Func<CancellationToken, Task<IReadOnlyDictionary<string, RelistedPod>>> Running, TimeProvider Time, ILoggerFactory Logs)
{
    public string NodeName => Config.Modules.Edged.HostnameOverride;

    public TimeSpan Heartbeat => TimeSpan.FromSeconds(Config.Modules.EdgeHub.Heartbeat);
}

/// <summary>What a session calls of the link that it is part of.</summary>
/// <param name="SendAsync">Writes to the link.</param>
/// <param name="Deliver">Hands a message to the sync as if it had been received now.</param>
/// <param name="Opened">The hub has answered to the registration: the outbox may flow.</param>
/// <param name="SyncedAsync">Every pod that the hub wants here is stored.</param>
internal sealed record KubeEdgeLink(
    Func<Message, CancellationToken, Task> SendAsync, Action<Message> Deliver, Action Opened, Func<CancellationToken, Task> SyncedAsync);
