using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authentication;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi;

/// <summary>What is answered about identities and rights without being stored: reviews, tokens, approvals.</summary>
internal sealed class IdentityEndpoints(
    AccessReviews access, UserReviews users, TokenRequests? tokens, SigningRequestApproval approval, int maxBodyBytes)
{
    /// <summary>False where the request is for something else.</summary>
    public async Task<bool> TryHandleAsync(ApiRequest request)
    {
        switch (request.Resource.Plural, request.Path.Subresource)
        {
            case ("serviceaccounts", "token") when request.Resource.Group.Length == 0:
                await (tokens ?? throw new ApiException(StatusReason.ServiceUnavailable, "this server has no key to sign tokens with")).HandleAsync(request);
                return true;
            case ("certificatesigningrequests", "approval"):
                await approval.HandleAsync(request);
                return true;
        }

        if (request.Resource.Group is not ("authentication.k8s.io" or "authorization.k8s.io"))
        {
            return false;
        }

        if (request.Path.Name.Length > 0 || request.Resource.Namespaced != request.Path.Namespace.Length > 0)
        {
            throw ApiException.NoSuchResource();
        }

        if (request.Context.Request.Method != "POST")
        {
            throw ApiException.MethodNotAllowed();
        }

        var review = await ReadAsync(request);
        Answer(request, review);
        await request.RespondAsync(201, JsonFormat.Render(review));
        return true;
    }

    private async Task<JsonObject> ReadAsync(ApiRequest request)
    {
        var review = await request.ReadObjectAsync(maxBodyBytes, request.Resource.Schema);
        var context = WriteContext.Of(request);
        context.CheckKind(review);
        context.Conform(review);
        review.Remove("status");
        review["metadata"] = new JsonObject();
        if (request.Path.Namespace.Length > 0)
        {
            review["metadata"]!["namespace"] = request.Path.Namespace;
        }

        return review;
    }

    private void Answer(ApiRequest request, JsonObject review)
    {
        switch (request.Resource.Plural)
        {
            case "tokenreviews":
                users.ReviewToken(review);
                break;
            case "selfsubjectreviews":
                UserReviews.ReviewSelf(review, request.User);
                break;
            case "selfsubjectaccessreviews":
                access.ReviewSelf(request.Resource, review, request.User);
                break;
            case "subjectaccessreviews":
                access.ReviewSubject(request.Resource, review);
                break;
            case "localsubjectaccessreviews":
                access.ReviewLocalSubject(request.Resource, review, request.Path.Namespace);
                break;
            case "selfsubjectrulesreviews":
                access.ReviewRules(review, request.User);
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }
}
