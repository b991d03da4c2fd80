using EdgeSync.EdgeCore.Configuration;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>What <c>edgecore join</c> was asked for, parsed and well-formed.</summary>
internal sealed record JoinWish
{
    public required HostPort Hub { get; init; }

    /// <summary>Where a KubeEdge hub enrolls, asked when the hub port does not.</summary>
    public required int CertPort { get; init; }

    public required string NodeName { get; init; }

    public required EdgeFiles Files { get; init; }

    public required string RuntimeEndpoint { get; init; }

    public required string MqttServer { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<NodeTaint> Taints { get; init; } = [];
}
