using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>authentication.k8s.io: who a token is (TokenReview), and who the caller is (SelfSubjectReview, <c>kubectl auth whoami</c>).</summary>
internal sealed class UserReviews(ServiceAccountTokens? tokens)
{
    public void ReviewToken(JsonObject review)
    {
        var spec = review.ObjectOrNew("spec");
        if (spec.Text("token") is not { Length: > 0 } token)
        {
            throw ApiException.BadRequest("token is required for TokenReview in authentication");
        }

        var asked = (spec.List("audiences") ?? []).Select(a => a.AsText() ?? "").ToList();
        var verdict = tokens?.Judge(token, asked.Count > 0 ? asked : tokens.ApiAudiences) ?? new TokenVerdict(null, [], "this server gives no tokens");
        review["status"] = verdict.User is { } user
            ? new JsonObject
            {
                ["authenticated"] = true,
                ["user"] = Write(user),
                ["audiences"] = new JsonArray([.. verdict.Audiences.Select(a => (JsonNode)a)]),
            }
            : new JsonObject { ["user"] = new JsonObject(), ["error"] = $"[invalid bearer token, {verdict.Problem}]" };
    }

    public static void ReviewSelf(JsonObject review, UserInfo user) => review["status"] = new JsonObject { ["userInfo"] = Write(user) };

    private static JsonObject Write(UserInfo user)
    {
        var written = new JsonObject { ["username"] = user.Name };
        if (user.Uid.Length > 0)
        {
            written["uid"] = user.Uid;
        }

        written["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]);
        if (user.Extra.Count > 0)
        {
            written["extra"] = new JsonObject(user.Extra.Select(e =>
                new KeyValuePair<string, JsonNode?>(e.Key, new JsonArray([.. e.Value.Select(v => (JsonNode)v)]))));
        }

        return written;
    }
}
