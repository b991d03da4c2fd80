using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Kubernetes;

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
        var read = await BodyReader.ReadAsync(request.Context, limit, type, request.Aborted);
        var body = read as JsonObject ?? (read is null ? [] : throw ApiException.BadRequest("the body of a delete must be DeleteOptions"));
        if (body.Text("kind") is not (null or "" or "DeleteOptions") and var kind)
        {
            throw ApiException.BadRequest($"the body of a delete must be DeleteOptions, not {kind}");
        }

        if ((body.List("dryRun") ?? []).Select(v => v.AsText()).FirstOrDefault(v => v != "All") is { } dryRun)
        {
            throw RequestOptions.Refuse(request, "dryRun", "FieldValueNotSupported", $"Unsupported value: \"{dryRun}\": supported values: \"All\"");
        }

        // what stands in the body counts; the query is for callers that send none
        if (body["propagationPolicy"] is null && request.Query("propagationPolicy") is { Length: > 0 } asked)
        {
            body["propagationPolicy"] = asked;
        }

        if (body["orphanDependents"] is null && request.Query("orphanDependents") is { Length: > 0 } orphan)
        {
            body["orphanDependents"] = orphan is "true" or "1";
        }

        if (body["gracePeriodSeconds"] is null && request.QueryNumber("gracePeriodSeconds") is { } seconds)
        {
            body["gracePeriodSeconds"] = seconds;
        }

        return Of(body) with { DryRun = request.DryRun || body.List("dryRun") is { Count: > 0 } };
    }

    /// <summary>The options that a body names, here or as a part of an Eviction.</summary>
    /// <exception cref="ApiException">422 where they contradict each other.</exception>
    public static DeleteOptions Of(JsonObject body)
    {
        var policy = body.Text("propagationPolicy") is { Length: > 0 } given ? given : null;
        if (policy is not null && body["orphanDependents"] is not null)
        {
            throw Refuse($"propagationPolicy: Invalid value: \"{policy}\": orphanDependents and deletionPropagation cannot be both set", "FieldValueInvalid");
        }

        if (policy is not (null or "Background" or "Foreground" or "Orphan"))
        {
            throw Refuse(
                $"propagationPolicy: Unsupported value: \"{policy}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                "FieldValueNotSupported");
        }

        var preconditions = body.Object("preconditions") ?? [];
        return new DeleteOptions
        {
            GracePeriodSeconds = body.Number("gracePeriodSeconds"),
            PropagationPolicy = body["orphanDependents"] is null ? policy : body.IsTrue("orphanDependents") ? "Orphan" : "Background",
            Uid = preconditions.Text("uid"),
            ResourceVersion = preconditions.Text("resourceVersion"),
            DryRun = body.List("dryRun") is { Count: > 0 },
        };
    }

    private static ApiException Refuse(string what, string reason)
    {
        const string field = "propagationPolicy";
        return new ApiException(StatusReason.Invalid, $"DeleteOptions.meta.k8s.io \"\" is invalid: {what}", new StatusDetails
        {
            Group = "meta.k8s.io",
            Kind = "DeleteOptions",
            Causes = [new() { Reason = reason, Field = field, Message = what[(field.Length + 2)..] }],
        });
    }
}
