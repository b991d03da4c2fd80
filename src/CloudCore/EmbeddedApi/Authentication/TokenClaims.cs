using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>What a token says, once its signature was found good. Immutable, so that many requests can share it.</summary>
internal sealed record TokenClaims
{
    /// <summary>The member that holds what only Kubernetes' tokens say.</summary>
    public const string Own = "kubernetes.io";

    /// <summary>What the members of a token without an end begin with.</summary>
    public const string LegacyPrefix = "kubernetes.io/serviceaccount/";

    public string Issuer { get; private init; } = "";

    public string Id { get; private init; } = "";

    /// <summary>Seconds since 1970; null for never.</summary>
    public long? Expires { get; private init; }

    public long NotBefore { get; private init; }

    public IReadOnlyList<string> Audiences { get; private init; } = [];

    public string Namespace { get; private init; } = "";

    public string Account { get; private init; } = "";

    public string AccountUid { get; private init; } = "";

    public IReadOnlyList<BoundObject> Bound { get; private init; } = [];

    /// <summary>The Secret that holds a token without an end.</summary>
    public string LegacySecret { get; private init; } = "";

    public static TokenClaims From(JsonObject claims)
    {
        var own = claims.Object(Own);
        return new TokenClaims
        {
            Issuer = claims.Text("iss") ?? "",
            Id = claims.Text("jti") ?? "",
            Expires = claims.Number("exp"),
            NotBefore = claims.Number("nbf") ?? 0,
            Audiences = claims["aud"] is JsonArray list ? [.. list.Select(a => a.AsText() ?? "")] : [claims.Text("aud") ?? ""],
            Namespace = own?.Text("namespace") ?? claims.Text(LegacyPrefix + "namespace") ?? "",
            Account = own?.Object("serviceaccount")?.Text("name") ?? claims.Text(LegacyPrefix + "service-account.name") ?? "",
            AccountUid = own?.Object("serviceaccount")?.Text("uid") ?? claims.Text(LegacyPrefix + "service-account.uid") ?? "",
            LegacySecret = claims.Text(LegacyPrefix + "secret.name") ?? "",
            Bound = own is null ? [] : [.. Read(own, "pod"), .. Read(own, "secret"), .. Read(own, "node")],
        };
    }

    private static IEnumerable<BoundObject> Read(JsonObject own, string claim) =>
        own.Object(claim) is { } bound ? [new BoundObject(claim, bound.Text("name") ?? "", bound.Text("uid") ?? "")] : [];
}
