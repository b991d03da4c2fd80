using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.Enrollment;

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

    /// <summary>What objects get that do not say it themselves.</summary>
    public AdmissionSettings Admission { get; init; } = new();

    /// <summary>Which of the controllers that are a part of the API run here; the others are left to a controller manager elsewhere.</summary>
    public ControllerSelection Controllers { get; init; } = ControllerSelection.All;

    /// <summary>The CA of client certificates; null where the web server has checked them already.</summary>
    public X509Certificate2? ClientAuthority { get; init; }

    /// <summary>
    /// Signs certificates that are asked for and approved, and is published to pods; null where neither is wanted. The caller's.
    /// </summary>
    public CertificateAuthority? Authority { get; init; }

    /// <summary>The key that signs service account tokens, PEM; without it there are none.</summary>
    public string? ServiceAccountKeyFile { get; init; }

    /// <summary>Who makes the tokens; also the audience of this API.</summary>
    public string ServiceAccountIssuer { get; init; } = "https://kubernetes.default.svc.cluster.local";
}
