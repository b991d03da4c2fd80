using EdgeSync.Hosting.Tunnel;
using EdgeSync.Protocol.Tunnel;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// Asks the kubelet of a node, ours or KubeEdge's, through its tunnel. Every request goes as KubeEdge's exec does, since that is
/// answered with a whole HTTP response: its logs and figures come without a status, and an error could not be told from a log.
/// </summary>
internal sealed class KubeletClient(NodeTunnels tunnels, TimeProvider time)
{
    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Sends a request and reads the head of its answer.</summary>
    /// <param name="node">Which node.</param>
    /// <param name="request">What.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NodeUnreachableException">The node is away, or gave no answer.</exception>
    public async Task<KubeletResponse> SendAsync(string node, TunnelRequest request, CancellationToken cancellationToken)
    {
        var tunnel = await tunnels.OfAsync(node, cancellationToken);
        TunnelStream? stream = null;
        using var deadline = new CancellationTokenSource(s_answerTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            stream = await tunnel.OpenAsync(TunnelMessageType.ExecConnect, request, either.Token);
            return await KubeletResponse.ReadAsync(stream, either.Token);
        }
        catch (Exception e)
        {
            await (stream?.CloseAsync("") ?? Task.CompletedTask);
            cancellationToken.ThrowIfCancellationRequested();
            throw e switch
            {
                OperationCanceledException => new NodeUnreachableException($"node {node} gave no answer within {s_answerTimeout.TotalSeconds:0} s"),
                IOException => new NodeUnreachableException($"node {node} gave no answer: {e.Message}"),
                _ => e,
            };
        }
    }

    /// <summary>A GET without headers of anybody.</summary>
    public Task<KubeletResponse> GetAsync(string node, string path, string query, CancellationToken cancellationToken) =>
        SendAsync(node, new TunnelRequest("GET", path, query, [new("User-Agent", "edgesync-cloudcore"), new("Connection", "close")]), cancellationToken);
}
