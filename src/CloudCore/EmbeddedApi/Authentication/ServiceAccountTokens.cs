using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>An object that a token lives no longer than.</summary>
/// <param name="Claim"><c>pod</c>, <c>secret</c> or <c>node</c>.</param>
/// <param name="Name">Its name; in the account's namespace, but for a node.</param>
/// <param name="Uid">Its incarnation.</param>
internal sealed record BoundObject(string Claim, string Name, string Uid);

/// <summary>What a new token says.</summary>
internal sealed record TokenWish
{
    public required string Namespace { get; init; }

    public required string Account { get; init; }

    public required string AccountUid { get; init; }

    public required IReadOnlyList<string> Audiences { get; init; }

    /// <summary>Seconds until it is told to end.</summary>
    public required long Seconds { get; init; }

    public IReadOnlyList<BoundObject> Bound { get; init; } = [];
}

/// <summary>What a token is worth.</summary>
/// <param name="User">Who shows it; null where it is worth nothing.</param>
/// <param name="Audiences">Those that it is for and that were asked about.</param>
/// <param name="Problem">In words; no part of the token is in it.</param>
internal sealed record TokenVerdict(UserInfo? User, IReadOnlyList<string> Audiences, string Problem);

/// <summary>
/// Makes and judges the tokens of service accounts, with the claims of today's Kubernetes. A token is good while its time runs,
/// and while its account and the object that it is bound to are there, of the very incarnation that it names. Thread-safe.
/// </summary>
internal sealed class ServiceAccountTokens(SigningKey key, string issuer, ObjectStore store, TimeProvider time)
{
    /// <summary>
    /// What the admission of pods asks for. Such a token of the API's own audience really ends after a year, as in Kubernetes: apps
    /// with old client libraries read it once, and a box may be away for long. It says of itself when it should have been renewed.
    /// </summary>
    public const long PodTokenSeconds = 3607;

    public const string LegacyIssuer = "kubernetes/serviceaccount";

    private const string OwnClaims = TokenClaims.Own;
    private const string LegacyPrefix = TokenClaims.LegacyPrefix;
    private const int MostKnown = 2048;
    private const long YearSeconds = 365 * 24 * 3600;

    // tokens whose signature was found good: checking one costs more than all the rest of a request
    private readonly ConcurrentDictionary<string, TokenClaims> _known = new(StringComparer.Ordinal);

    /// <summary>Who makes the tokens, an address that names the cluster.</summary>
    public string Issuer => issuer;

    public SigningKey Key => key;

    /// <summary>Whom a token must be for to be good at this API.</summary>
    public IReadOnlyList<string> ApiAudiences { get; } = [issuer];

    /// <summary>A token, and when it should have been renewed.</summary>
    public (string Token, DateTimeOffset Expires) Issue(TokenWish wish)
    {
        var now = time.GetUtcNow();
        var seconds = wish.Seconds;
        var own = new JsonObject { ["namespace"] = wish.Namespace };
        foreach (var bound in wish.Bound)
        {
            own[bound.Claim] = new JsonObject { ["name"] = bound.Name, ["uid"] = bound.Uid };
        }

        own["serviceaccount"] = new JsonObject { ["name"] = wish.Account, ["uid"] = wish.AccountUid };
        if (seconds == PodTokenSeconds && wish.Bound.Any(b => b.Claim == "pod") && wish.Audiences.SequenceEqual(ApiAudiences))
        {
            own["warnafter"] = now.ToUnixTimeSeconds() + seconds;
            seconds = YearSeconds;
        }

        var claims = new JsonObject
        {
            ["aud"] = new JsonArray([.. wish.Audiences.Select(a => (JsonNode)a)]),
            ["exp"] = now.ToUnixTimeSeconds() + seconds,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = issuer,
            ["jti"] = Guid.NewGuid().ToString(),
            [OwnClaims] = own,
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = UserInfo.NameOf(wish.Namespace, wish.Account),
        };
        return (JsonWebToken.Write(claims, key), DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds() + wish.Seconds));
    }

    /// <summary>A token without an end, for a Secret that was made by hand.</summary>
    public string IssueLegacy(string ns, string account, string accountUid, string secret) => JsonWebToken.Write(
        new JsonObject
        {
            ["iss"] = LegacyIssuer,
            [LegacyPrefix + "namespace"] = ns,
            [LegacyPrefix + "secret.name"] = secret,
            [LegacyPrefix + "service-account.name"] = account,
            [LegacyPrefix + "service-account.uid"] = accountUid,
            ["sub"] = UserInfo.NameOf(ns, account),
        },
        key);

    /// <summary>Whether a Secret's token is of this account and this key.</summary>
    public bool IsLegacyFor(string token, string accountUid) =>
        JsonWebToken.Read(token, key, out _) is { } claims && claims.Text(LegacyPrefix + "service-account.uid") == accountUid;

    /// <summary>Judges a token for any of the audiences.</summary>
    public TokenVerdict Judge(string token, IReadOnlyList<string> audiences)
    {
        if (!_known.TryGetValue(token, out var claims))
        {
            if (JsonWebToken.Read(token, key, out var problem) is not { } read)
            {
                return Bad(problem);
            }

            claims = TokenClaims.From(read);
            if (_known.Count >= MostKnown)
            {
                _known.Clear();
            }

            _known[token] = claims;
        }

        return claims.Issuer == LegacyIssuer ? JudgeLegacy(token, claims, audiences) : JudgeBound(claims, audiences);
    }

    private static TokenVerdict Bad(string problem) => new(null, [], problem);

    private TokenVerdict JudgeBound(TokenClaims claims, IReadOnlyList<string> audiences)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        if (claims.Issuer != issuer)
        {
            return Bad("the token is of another issuer");
        }

        if (claims.Expires is not { } end || now > end)
        {
            return Bad("the token has expired");
        }

        if (now < claims.NotBefore)
        {
            return Bad("the token is not valid yet");
        }

        var meant = claims.Audiences.Intersect(audiences).ToList();
        if (meant.Count == 0)
        {
            return Bad("the token is for another audience");
        }

        if (claims.Namespace.Length == 0 || claims.Account.Length == 0)
        {
            return Bad("the token names no service account");
        }

        if (AccountProblem(claims.Namespace, claims.Account, claims.AccountUid) is { } gone)
        {
            return Bad(gone);
        }

        var extra = new Dictionary<string, IReadOnlyList<string>>();
        if (claims.Id.Length > 0)
        {
            extra["authentication.kubernetes.io/credential-id"] = [$"JTI={claims.Id}"];
        }

        foreach (var bound in claims.Bound)
        {
            // a pod's node is told for information; only a token of a node itself lives as long as the node
            var counts = bound.Claim != "node" || claims.Bound.All(b => b.Claim != "pod");
            if (counts && !IsThere(bound, claims.Namespace))
            {
                return Bad($"the {bound.Claim} that the token is bound to is gone");
            }

            if (bound.Claim != "secret")
            {
                extra[$"authentication.kubernetes.io/{bound.Claim}-name"] = [bound.Name];
                extra[$"authentication.kubernetes.io/{bound.Claim}-uid"] = [bound.Uid];
            }
        }

        return new TokenVerdict(UserOf(claims.Namespace, claims.Account, claims.AccountUid) with { Extra = extra }, meant, "");
    }

    private TokenVerdict JudgeLegacy(string token, TokenClaims claims, IReadOnlyList<string> audiences)
    {
        var meant = ApiAudiences.Intersect(audiences).ToList();
        if (meant.Count == 0)
        {
            return Bad("the token is for another audience");
        }

        if (AccountProblem(claims.Namespace, claims.Account, claims.AccountUid) is { } gone)
        {
            return Bad(gone);
        }

        if (store.State.Get("secrets", new NamespacedName(claims.Namespace, claims.LegacySecret)) is not { } secret)
        {
            return Bad("the secret of the token is gone");
        }

        var node = secret.Parse();
        var held = node.Object("data")?.Text("token") ?? "";
        if (node.Object("metadata")?["deletionTimestamp"] is not null || held != Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(token)))
        {
            return Bad("the secret of the token holds another one");
        }

        return new TokenVerdict(UserOf(claims.Namespace, claims.Account, claims.AccountUid), meant, "");
    }

    private static UserInfo UserOf(string ns, string name, string uid) =>
        new(UserInfo.NameOf(ns, name), [.. UserInfo.ServiceAccountGroups(ns), UserInfo.Authenticated]) { Uid = uid };

    private string? AccountProblem(string ns, string name, string uid)
    {
        if (store.State.Get("serviceaccounts", new NamespacedName(ns, name)) is not { } account)
        {
            return "the service account of the token is gone";
        }

        return account.Uid == uid ? null : "the service account of the token has been deleted and made again";
    }

    private bool IsThere(BoundObject bound, string ns) =>
        store.State.Get(bound.Claim + "s", new NamespacedName(bound.Claim == "node" ? "" : ns, bound.Name)) is { } found
            && found.Uid == bound.Uid
            && !IsPastDeletion(found);

    /// <summary>An object that should have been gone for a minute holds no token any more, whatever still holds it.</summary>
    private bool IsPastDeletion(StoredObject found)
    {
        // text first: nearly no object is on its way out, and reading one costs
        if (found.Json.AsSpan().IndexOf("\"deletionTimestamp\""u8) < 0)
        {
            return false;
        }

        return found.Parse().Object("metadata")?.Text("deletionTimestamp") is { } text
            && Protocol.Kubernetes.KubeTime.TryParse(text, out var due)
            && time.GetUtcNow() > due + TimeSpan.FromSeconds(60);
    }
}
