using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Says who asks: by the client certificate, or by a service account's token. Whoever shows nothing is anonymous; whoever shows
/// something that is worth nothing is refused, whatever else he shows.
/// </summary>
internal sealed partial class RequestAuthenticator(
    ClientCertificateUsers certificates, ServiceAccountTokens? tokens, ILogger<RequestAuthenticator> logger)
{
    private const string Scheme = "Bearer ";

    private long _refused;

    /// <summary>Requests that were answered 401 for what they showed, since the start.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <exception cref="ApiException">401 where what was shown stands for nobody.</exception>
    public UserInfo Authenticate(HttpContext context)
    {
        var problem = "";
        if (context.Connection.ClientCertificate is { } certificate)
        {
            (var user, problem) = certificates.Find(certificate);
            if (user is not null)
            {
                return user;
            }
        }

        var header = context.Request.Headers.Authorization.ToString();
        if (header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            var verdict = tokens?.Judge(header[Scheme.Length..].Trim(), tokens.ApiAudiences);
            if (verdict?.User is { } user)
            {
                return user;
            }

            problem = verdict?.Problem ?? "this server gives no tokens";
        }
        else if (header.Length > 0)
        {
            problem = "the Authorization header is not of the scheme Bearer";
        }

        return problem.Length == 0 ? UserInfo.Anonymous : throw Refuse(context, problem);
    }

    private ApiException Refuse(HttpContext context, string problem)
    {
        Interlocked.Increment(ref _refused);
        LogRefused(context.Connection.RemoteIpAddress?.ToString() ?? "", problem);
        return new ApiException(StatusReason.Unauthorized, "Unauthorized");
    }

    [LoggerMessage(LogLevel.Information, "A request from {Address} is refused (401): {Reason}")]
    private partial void LogRefused(string address, string reason);
}
