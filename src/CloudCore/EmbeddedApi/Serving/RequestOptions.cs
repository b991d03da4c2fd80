using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>The options of a write (dryRun, fieldManager, fieldValidation, force), which Kubernetes takes for an object of their own.</summary>
internal static class RequestOptions
{
    /// <summary>An option that is not usable: 422, said of CreateOptions, UpdateOptions, PatchOptions or DeleteOptions.</summary>
    public static ApiException Refuse(ApiRequest request, string field, string reason, string why)
    {
        var kind = request.Context.Request.Method switch
        {
            "POST" => "CreateOptions",
            "PUT" => "UpdateOptions",
            "DELETE" => "DeleteOptions",
            _ => "PatchOptions",
        };
        return new ApiException(StatusReason.Invalid, $"{kind}.meta.k8s.io \"\" is invalid: {field}: {why}", new StatusDetails
        {
            Group = "meta.k8s.io",
            Kind = kind,
            Causes = [new StatusCause { Reason = reason, Message = why, Field = field }],
        });
    }
}
