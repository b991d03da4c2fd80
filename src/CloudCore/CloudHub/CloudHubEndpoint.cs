using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.CloudHub.KubeEdge;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Takes the nodes' WebSocket connections: <c>GET /PROJECT/NODE/events</c> with KubeEdge's headers. Who a node is comes from its
/// client certificate; a header that says otherwise is refused, and, unlike KubeEdge's hub, in words and with a status code.
/// </summary>
internal sealed partial class CloudHubEndpoint(
    CloudHubOptions options, SessionRegistry registry, NodeContacts contacts, NodeScope scope, UpstreamDispatcher upstream, SyncRecords records,
    NodeLedger ledger,
    TimeProvider time, ILogger<CloudHubEndpoint> logger)
{
    /// <summary>Request and response header that say "EdgeSync's extensions, this version".</summary>
    public const string VersionHeader = "Edgesync-Version";

    /// <summary>Request header with the agent's version, for people.</summary>
    public const string AgentHeader = "Edgesync-Agent";

    private const int MaxAgentLength = 64;
    private const int LongestName = 253;
    private const string NodeHeader = "Node_id";
    private const string UseHeader = "Connectionuse";
    private static readonly TimeSpan s_writeTimeout = TimeSpan.FromSeconds(15);

    /// <summary>With several replicas: how a node is taken from the others. Null where the hub is alone.</summary>
    public Handover? Handover { get; init; }

    /// <summary>Serves one connection from the upgrade to its end.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, "a WebSocket upgrade was expected here: nodes connect with edgecore");
            return;
        }

        var claimed = context.Request.Headers[NodeHeader].ToString();
        if (claimed.Length > LongestName)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, $"{NodeHeader} is longer than a name of a node may be ({LongestName})");
            return;
        }

        if (await RefusalAsync(context, claimed) is { } refusal)
        {
            LogRefused(claimed, context.Connection.RemoteIpAddress?.ToString() ?? "", refusal.Text);
            await RefuseAsync(context, refusal.Code, refusal.Text);
            return;
        }

        HandedOver? taken = null;
        if (Handover is not null)
        {
            try
            {
                taken = await Handover.TakeAsync(claimed, context.RequestAborted);
            }
            catch (ApiException e)
            {
                LogRefused(claimed, context.Connection.RemoteIpAddress?.ToString() ?? "", e.Message);
                await RefuseAsync(
                    context, StatusCodes.Status503ServiceUnavailable,
                    "this replica of the hub cannot take the node now, since the Kubernetes API does not answer it; try again, another one may");
                return;
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                return; // the node has gone on
            }
        }

        var extended = context.Request.Headers[VersionHeader] == "1";
        if (extended)
        {
            context.Response.Headers[VersionHeader] = "1";
        }

        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            // an EdgeSync agent's keepalives and its own pings find a dead link from both sides; pings of ours, each with its timer,
            // would double what a quiet session costs
            KeepAliveInterval = extended ? Timeout.InfiniteTimeSpan : options.HeartbeatInterval,
            KeepAliveTimeout = extended ? Timeout.InfiniteTimeSpan : options.HeartbeatInterval,

            // for peers that offer it. No context outlives a message, so an idle session holds no memory for it; what carries a
            // secret is never compressed (MessageSocket).
            DangerousEnableCompression = true,
            DisableServerContextTakeover = true,
        });
        var identity = new SessionIdentity(
            claimed, registry.NextEpoch(), extended, context.Connection.LocalIpAddress?.ToString() ?? "")
        {
            // controllers mark a node after 40 s without a renewal: half of the limit leaves room for a lease's own age
            // (and what another replica wrote meanwhile may not be in this one's caches)
            WasNear = contacts.SilenceOf(claimed) < options.SilenceLimit / 2 && taken is not { WasElsewhere: true },
            Agent = AgentOf(context),
            Claim = taken?.Claim,
            WasElsewhere = taken?.WasElsewhere ?? false,
            HeardElsewhere = taken?.LastHeard,
        };
        await ServeAsync(identity, socket, taken?.Guard);
    }

    private async Task ServeAsync(SessionIdentity identity, WebSocket socket, StaleGuard? guard)
    {
        var stopping = options.Stopping();
        await using var session = new EdgeSession(
            identity,
            new MessageSocket(socket, MessageSocket.DefaultMaxMessageBytes, s_writeTimeout),
            scope, upstream, records, ledger, time, logger, stopping)
        {
            Guard = guard,
        };
        if (registry.TakeOver(session) is not { } turn)
        {
            return;
        }

        try
        {
            // a stop ends all sessions that the registry knows; this one may have come just after
            if (await turn.WaitAsync(stopping) && !stopping.IsCancellationRequested)
            {
                await session.RunAsync();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // the hub stops while the session before this one ends
        }
        finally
        {
            contacts.NoteEnd(session);
            registry.Leave(session);
        }
    }

    private async Task<(int Code, string Text)?> RefusalAsync(HttpContext context, string claimed)
    {
        if (context.Request.Headers[UseHeader] is { Count: > 0 } use && use != "msg")
        {
            return (StatusCodes.Status400BadRequest, $"Connectionuse \"{use}\" is not served; this hub knows \"msg\"");
        }

        if (await context.Connection.GetClientCertificateAsync(context.RequestAborted) is not { } certificate)
        {
            return (StatusCodes.Status401Unauthorized, "no client certificate: join this node first (edgecore join)");
        }

        var named = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        if (claimed.Length == 0 || named != $"system:node:{claimed}")
        {
            return (StatusCodes.Status403Forbidden, $"the certificate is \"{named}\", the header says node \"{claimed}\"");
        }

        if (registry.Find(claimed) is null && registry.Count >= options.NodeLimit)
        {
            return (StatusCodes.Status503ServiceUnavailable, $"this hub serves its limit of {options.NodeLimit} nodes (modules.cloudHub.nodeLimit)");
        }

        return options.WhyNotReady() is { } why ? (StatusCodes.Status503ServiceUnavailable, why + "; try again") : null;
    }

    private static string AgentOf(HttpContext context)
    {
        var agent = context.Request.Headers[AgentHeader].ToString();
        return agent.Length <= MaxAgentLength && agent.All(c => c is > ' ' and < '\x7f') ? agent : "";
    }

    private static Task RefuseAsync(HttpContext context, int code, string text)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Warning, "Connection of node {Node} from {Address} refused: {Text}")]
    private partial void LogRefused(string node, string address, string text);
}
