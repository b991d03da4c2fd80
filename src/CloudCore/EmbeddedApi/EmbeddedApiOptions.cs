using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
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

    /// <summary>The addresses and ports that services get.</summary>
    public ServiceNetwork Services { get; init; } = new();

    /// <summary>The CA of client certificates; null where the web server has checked them already.</summary>
    public X509Certificate2? ClientAuthority { get; init; }
}
