using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>metav1.DeleteOptions, from the body or the query.</summary>
internal sealed record DeleteOptions
{
    public static readonly DeleteOptions Default = new();

    /// <summary>Null takes the object's own.</summary>
    public long? GracePeriodSeconds { get; init; }

    /// <summary><c>Background</c>, <c>Foreground</c>, <c>Orphan</c>; null takes Background.</summary>
    public string? PropagationPolicy { get; init; }

    /// <summary>The incarnation that is meant; null means any.</summary>
    public string? Uid { get; init; }

    /// <summary>The version that is meant; null means any.</summary>
    public string? ResourceVersion { get; init; }

    public bool DryRun { get; init; }

    public static async Task<DeleteOptions> ReadAsync(ApiRequest request, int limit, TypeSchema type)
    {
        var body = await BodyReader.ReadAsync(request.Context, limit, type, request.Aborted) as JsonObject ?? [];
        if (body.Text("kind") is not (null or "" or "DeleteOptions") and var kind)
        {
            throw ApiException.BadRequest($"the body of a delete must be DeleteOptions, not {kind}");
        }

        var preconditions = body.Object("preconditions") ?? [];
        var policy = body.Text("propagationPolicy") ?? (request.Query("propagationPolicy") is { Length: > 0 } asked ? asked : null);
        if (policy is not (null or "Background" or "Foreground" or "Orphan"))
        {
            throw new ApiException(
                StatusReason.Invalid,
                $"DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{policy}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
        }

        return new DeleteOptions
        {
            GracePeriodSeconds = body.Number("gracePeriodSeconds") ?? request.QueryNumber("gracePeriodSeconds"),
            PropagationPolicy = body.IsTrue("orphanDependents") ? "Orphan" : policy,
            Uid = preconditions.Text("uid"),
            ResourceVersion = preconditions.Text("resourceVersion"),
            DryRun = request.DryRun || body.List("dryRun") is { Count: > 0 },
        };
    }
}
