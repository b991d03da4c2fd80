using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>Says who asks: by the client certificate. Whoever shows nothing is anonymous.</summary>
internal sealed partial class RequestAuthenticator(ClientCertificateUsers certificates, ILogger<RequestAuthenticator> logger)
{
    /// <exception cref="ApiException">401 where what was shown stands for nobody.</exception>
    public UserInfo Authenticate(HttpContext context)
    {
        if (context.Connection.ClientCertificate is not { } certificate)
        {
            return UserInfo.Anonymous;
        }

        var (user, problem) = certificates.Find(certificate);
        if (user is null)
        {
            LogRefused(context.Connection.RemoteIpAddress?.ToString() ?? "", problem);
            throw new ApiException(StatusReason.Unauthorized, "Unauthorized");
        }

        return user;
    }

    [LoggerMessage(LogLevel.Information, "A request from {Address} is refused (401): {Reason}")]
    private partial void LogRefused(string address, string reason);
}
