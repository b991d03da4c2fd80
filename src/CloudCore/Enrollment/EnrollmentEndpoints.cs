using System.Globalization;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>
/// KubeEdge's enrollment over HTTPS, on the hub port and, where configured, on 10002.
/// <code>
/// GET /ca.crt                                     200 CA certificate, DER
/// GET /edge.crt     Authorization: Bearer JWT     200 certificate, DER; 400, 401, 409, 413, 429, 500 with words
///                   NodeName: NAME                (a client certificate in place of the token renews)
///                   ExtKeyUsages: [2]  optional   1 serverAuth, 2 clientAuth
///                   body: PKCS#10 request, DER
/// GET /node/NAME                                  200 "Node found"; 404 "Node not found"
/// </code>
/// Stricter than KubeEdge, whose hub signs whatever subject it is sent: see <see cref="CertificateDesk"/>.
/// </summary>
internal static class EnrollmentEndpoints
{
    /// <summary>On the answer of /node/NAME: "Present" or "Away", so that join can tell a live node from one that comes back.</summary>
    public const string PresenceHeader = "Edgesync-Node-Presence";

    private const int MaxRequestSize = 64 * 1024;

    public static void MapEnrollment(this IEndpointRouteBuilder routes, CertificateDesk desk)
    {
        routes.MapGet("/ca.crt", async context =>
        {
            context.Response.ContentType = "application/octet-stream";
            await context.Response.Body.WriteAsync(desk.CaCertificate, context.RequestAborted);
        });
        routes.MapGet("/edge.crt", context => IssueAsync(context, desk));
        routes.MapGet("/node/{name}", context => FindNodeAsync(context, desk));
    }

    private static async Task IssueAsync(HttpContext context, CertificateDesk desk)
    {
        var address = context.Connection.RemoteIpAddress;
        var wait = desk.WaitFor(address);
        if (wait > TimeSpan.Zero)
        {
            context.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            await AnswerAsync(context, StatusCodes.Status429TooManyRequests, "too many refused attempts from this address; try again in a minute");
            return;
        }

        var body = await ReadBodyAsync(context.Request, context.RequestAborted);
        if (body is null)
        {
            await AnswerAsync(context, StatusCodes.Status413PayloadTooLarge, $"the certificate request is larger than {MaxRequestSize / 1024} KiB");
            return;
        }

        var result = await desk.IssueAsync(
            new CertificateApplication
            {
                NodeName = context.Request.Headers["NodeName"].ToString(),
                Authorization = context.Request.Headers.Authorization.ToString(),
                ExtKeyUsages = context.Request.Headers["ExtKeyUsages"].ToString(),
                Client = ClientCertificates.IdentityOf(context.Connection.ClientCertificate),
                HasClientCertificate = context.Connection.ClientCertificate is not null,
                SigningRequest = body,
                Address = address,
            },
            context.RequestAborted);
        if (result.Certificate is { } certificate)
        {
            context.Response.ContentType = "application/octet-stream";
            await context.Response.Body.WriteAsync(certificate, context.RequestAborted);
            Failpoint.Hit(HubFailpoints.CertificateSent);
            return;
        }

        await AnswerAsync(context, result.Status, result.Reason);
    }

    private static async Task FindNodeAsync(HttpContext context, CertificateDesk desk)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        if (NodeName.Problem(name) is { } problem)
        {
            await AnswerAsync(context, StatusCodes.Status400BadRequest, $"the node name {problem}");
            return;
        }

        if (await desk.FindAsync(name, context.RequestAborted) is not { } presence)
        {
            await AnswerAsync(context, StatusCodes.Status500InternalServerError, "the Kubernetes API does not answer the hub; try again, and see the hub's log");
            return;
        }

        if (presence == NodePresence.Absent)
        {
            await AnswerAsync(context, StatusCodes.Status404NotFound, "Node not found");
            return;
        }

        context.Response.Headers[PresenceHeader] = presence.ToString();
        await AnswerAsync(context, StatusCodes.Status200OK, "Node found");
    }

    /// <summary>Null when it is too large. A KubeEdge agent may send it chunked, so the length cannot be trusted alone.</summary>
    private static async Task<byte[]?> ReadBodyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > MaxRequestSize)
        {
            return null;
        }

        var buffer = new byte[MaxRequestSize + 1];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length > MaxRequestSize ? null : buffer[..length];
    }

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }
}
