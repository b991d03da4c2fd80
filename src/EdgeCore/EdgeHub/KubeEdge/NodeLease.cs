using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// Keeps the node's Lease renewed at a hub that does not do so itself: query, insert where there is none, then an update
/// every 10 s (a quarter of its 40 s, as the kubelet has it). A lease that another writer changed is read anew.
/// </summary>
internal sealed partial class NodeLease(
    string nodeName, MetaManager.MetaManager objects, HubRequests requests, TimeProvider time, ILogger logger)
{
    private const string LeaseNamespace = "kube-node-lease";
    private const int DurationSeconds = 40;
    private const int StepsAtOnce = 3; // query, insert, and a query again where the insert came late

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(DurationSeconds / 4);

    private readonly string _resource = $"{LeaseNamespace}/{ResourceTypes.Lease}/{nodeName}";
    private JsonObject? _held; // as the API last gave it
    private bool _missing;
    private string _problem = "";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(s_period, time);
        do
        {
            for (var step = 0; step < StepsAtOnce && !await RenewAsync(cancellationToken); step++)
            {
                // what the step has learned decides what the next one does
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <returns>Whether there is nothing more to do for now.</returns>
    private async Task<bool> RenewAsync(CancellationToken cancellationToken)
    {
        var operation = _held is not null ? Operations.Update : _missing ? Operations.Insert : Operations.Query;
        var content = operation == Operations.Query ? null : Encoding.UTF8.GetBytes(QuotedJson.Write(Renewed()));
        var answer = await requests.AskForObjectAsync(operation, _resource, content, HubRequests.DefaultTimeout, cancellationToken);
        _held = answer.Succeeded ? JsonNode.Parse(answer.Object.Span) as JsonObject : null;
        _missing = operation == Operations.Query && answer.Code == 404;
        if (answer.Succeeded)
        {
            _problem = "";
            return operation != Operations.Query;
        }

        if (answer.Code is not (404 or 409) && answer.Problem != _problem)
        {
            _problem = answer.Problem;
            LogNotRenewed(nodeName, answer.Problem);
        }

        return answer.Code is not (404 or 409);
    }

    private JsonObject Renewed()
    {
        var lease = _held?.DeepClone().AsObject() ?? New();
        var spec = lease["spec"] as JsonObject;
        if (spec is null)
        {
            lease["spec"] = spec = [];
        }

        spec["holderIdentity"] = nodeName;
        spec["leaseDurationSeconds"] = DurationSeconds;
        spec["renewTime"] = KubeTime.FormatMicro(time.GetUtcNow());
        return lease;
    }

    private JsonObject New()
    {
        var metadata = new JsonObject { ["name"] = nodeName, ["namespace"] = LeaseNamespace };
        if (objects.Get(new ObjectKey("", ResourceTypes.Node, nodeName)) is { Uid.Length: > 0 } node)
        {
            // so that the API removes the lease with its node
            metadata["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Node",
                ["name"] = nodeName,
                ["uid"] = node.Uid,
            });
        }

        return new JsonObject { ["apiVersion"] = "coordination.k8s.io/v1", ["kind"] = "Lease", ["metadata"] = metadata };
    }

    [LoggerMessage(LogLevel.Warning, "Lease of node {Node} was not renewed: {Reason}")]
    private partial void LogNotRenewed(string node, string reason);
}
