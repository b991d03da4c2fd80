using System.Text.Json;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>
/// The running hub's own questions and answers, for its commands: HTTP on a unix socket in the data folder, which only the owner
/// can open. No port, no certificate, and the same with the embedded API and with a real cluster.
/// <code>
/// GET /nodes                                     all nodes
/// GET /why?kind=KIND&amp;name=NAME[&amp;namespace=NS][&amp;node=NODE]
/// GET /metrics
/// </code>
/// </summary>
internal sealed class AdminEndpoints(NodesView nodes, WhyView why, MetricsPage metrics, Func<bool> isReady)
{
    /// <summary>Listens on the socket. What an ended hub left there is removed: the caller holds the data folder's lock.</summary>
    public static void Listen(KestrelServerOptions kestrel, CloudFiles files)
    {
        File.Delete(files.AdminSocket);
        kestrel.ListenUnixSocket(files.AdminSocket);
    }

    /// <summary>Whether a request came by the socket: every other listener has an IP address.</summary>
    public static bool IsLocal(HttpContext context) => context.Connection.LocalIpAddress is null;

    public async Task HandleAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/metrics":
                context.Response.ContentType = MetricsPage.ContentType;
                await context.Response.WriteAsync(metrics.Render(), context.RequestAborted);
                break;
            case "/nodes" or "/why" when !isReady():
                await FailAsync(context, StatusCodes.Status503ServiceUnavailable, "the hub has not read the API yet; try again");
                break;
            case "/nodes":
                context.Response.ContentType = "application/json";
                await JsonSerializer.SerializeAsync(context.Response.Body, nodes.All(), LedgerJson.Default.NodesAnswer, context.RequestAborted);
                break;
            case "/why":
                await WhyAsync(context);
                break;
            default:
                await FailAsync(context, StatusCodes.Status404NotFound, $"{context.Request.Path} is not served; another version of cloudcore may run here");
                break;
        }
    }

    private async Task WhyAsync(HttpContext context)
    {
        var query = context.Request.Query;
        if (WhyKinds.Find(query["kind"].ToString()) is not { } kind || query["name"].ToString() is not { Length: > 0 } name)
        {
            await FailAsync(context, StatusCodes.Status400BadRequest, $"kind must be one of {WhyKinds.All}, and name must be given");
            return;
        }

        var ns = query["namespace"].ToString() is { Length: > 0 } given ? given : "default";
        var node = query["node"].ToString() is { Length: > 0 } one ? one : null;
        try
        {
            var answer = await why.AnswerAsync(new WhyQuestion(kind, ns, name, node), context.RequestAborted);
            context.Response.ContentType = "application/json";
            await JsonSerializer.SerializeAsync(context.Response.Body, answer, LedgerJson.Default.WhyAnswer, context.RequestAborted);
        }
        catch (ApiException e)
        {
            await FailAsync(context, StatusCodes.Status502BadGateway, e.Message);
        }
    }

    private static Task FailAsync(HttpContext context, int code, string text)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }
}
