using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.Protocol.Kubernetes;
using ApiException = EdgeSync.CloudCore.EmbeddedApi.Serving.ApiException;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// What a cluster's API server takes for the kubelet of every edge node: it dials this port, since the nodes' status says so
/// (<see cref="KubeletAddress"/>), and is passed on to the node through its tunnel. Unlike KubeEdge's, it lets in nobody but the API
/// server: by a client certificate of the cluster's CA with one of the names that were configured.
/// </summary>
internal sealed partial class StreamServer(
    PodStreams streams, KubeletClient kubelets, Func<NamespacedName, KubeObject?> pod, IReadOnlyList<string> clients, ILogger<StreamServer> logger)
{
    private const string NodesPath = "/api/v1/nodes/";

    /// <summary>Serves one request of the API server.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            var name = context.Connection.ClientCertificate?.GetNameInfo(X509NameType.SimpleName, forIssuer: false) ?? "";
            if (name.Length == 0)
            {
                throw new ApiException(StatusReason.Unauthorized, "a client certificate of the cluster's API server is needed (its --kubelet-client-certificate)");
            }

            if (!clients.Contains(name))
            {
                throw new ApiException(StatusReason.Forbidden, $"\"{name}\" is none of modules.cloudStream.streamClients");
            }

            await RouteAsync(context);
        }
        catch (ApiException e)
        {
            LogRefused(context.Request.Method, context.Request.Path, e.Message);
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }

            // as a kubelet: a text, which the API server hands on
            // (of a 503 it would keep the text to itself, and nobody would learn which node is away)
            context.Response.StatusCode = e.Reason == StatusReason.ServiceUnavailable ? StatusCodes.Status500InternalServerError : StatusWriter.Code(e.Reason);
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(e.Message + "\n", context.RequestAborted);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // the API server has gone; there is nobody to answer
        }
    }

    private Task RouteAsync(HttpContext context)
    {
        var parts = (context.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        return (context.Request.Method, parts) switch
        {
            ("GET", ["containerLogs", var ns, var name, var container]) =>
                streams.LogsAsync(context, Target(ns, name, container), context.Request.QueryString.Value?.TrimStart('?') ?? ""),
            ("GET" or "POST", ["exec" or "attach", var ns, var name, .. [] or [_], var container]) =>
                streams.RemoteCommandAsync(context, Target(ns, name, container), parts[0]),
            ("GET" or "POST", ["portForward", var ns, var name, .. [] or [_]]) => streams.PortForwardAsync(context, Target(ns, name, "")),
            ("GET", ["stats", "summary"] or ["stats"] or ["metrics", "resource"]) => FiguresAsync(context),
            _ => throw ApiException.NoSuchResource(),
        };
    }

    private PodTarget Target(string ns, string name, string container)
    {
        var node = pod(new NamespacedName(ns, name))?.View(KubernetesJson.Default.Pod).Spec?.NodeName;
        return string.IsNullOrEmpty(node)
            ? throw new ApiException(StatusReason.NotFound, $"pod \"{name}\" in namespace \"{ns}\" runs on no node that this hub knows")
            : new PodTarget(node, ns, name, container);
    }

    /// <summary>All nodes have one address here: which one is meant is known only where the API server says it, on its way of nodes/NAME/proxy.</summary>
    private async Task FiguresAsync(HttpContext context)
    {
        var asked = context.Request.Headers["X-Forwarded-Uri"].ToString();
        var node = asked.StartsWith(NodesPath, StringComparison.Ordinal) ? Uri.UnescapeDataString(asked[NodesPath.Length..].Split('/')[0].Split(':')[0]) : "";
        if (NodeName.Problem(node) is not null)
        {
            throw ApiException.BadRequest("which node is meant cannot be told: ask by /api/v1/nodes/NAME/proxy");
        }

        try
        {
            await using var answer = await kubelets.GetAsync(node, context.Request.Path.Value!, "", context.RequestAborted);
            context.Response.StatusCode = answer.Status;
            context.Response.ContentType = answer.Header("Content-Type");
            await answer.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
        catch (NodeUnreachableException e)
        {
            throw new ApiException(StatusReason.ServiceUnavailable, e.Message);
        }
        catch (IOException)
        {
            context.Abort(); // a cut answer must not look like a whole one
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Method} {Path} of a cluster's API server was refused: {Reason}")]
    private partial void LogRefused(string method, string path, string reason);
}
