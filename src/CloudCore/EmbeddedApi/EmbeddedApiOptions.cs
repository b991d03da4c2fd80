using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi;

/// <summary>How an <see cref="EmbeddedApiServer"/> is opened.</summary>
internal sealed record EmbeddedApiOptions
{
    /// <summary>The folder of cloudcore.db; it must exist.</summary>
    public required string DataDir { get; init; }

    /// <summary>Longest request body, bytes; Kubernetes has the same limit.</summary>
    public int MaxBodyBytes { get; init; } = 3 * 1024 * 1024;

    /// <summary>How much of the past watches can resume from.</summary>
    public StoreLimits Limits { get; init; } = new();

    /// <summary>Who asks; the default reads the client certificate that the server has checked.</summary>
    public Func<HttpContext, UserInfo> Authenticate { get; init; } = UserInfo.FromConnection;
}
