using System.Collections.Concurrent;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>Which token: of a pod, for an audience, for so long. Two volumes that want the same share it.</summary>
/// <param name="PodUid">The pod it is bound to.</param>
/// <param name="Audience">Empty for the API's own.</param>
/// <param name="Seconds">What the pod asks for.</param>
internal readonly record struct TokenKey(string PodUid, string Audience, long Seconds)
{
    private const long DefaultSeconds = 3600;

    public static TokenKey Of(WantedPod pod, ServiceAccountTokenProjection projection) =>
        new(pod.Uid, projection.Audience ?? "", projection.ExpirationSeconds ?? DefaultSeconds);
}

/// <summary>A token that the hub gave.</summary>
/// <param name="Key">Which.</param>
/// <param name="Token">The secret itself.</param>
/// <param name="Lifetime">From when it came until it should be renewed at the latest, by the hub's clock.</param>
internal sealed record StoredToken(TokenKey Key, string Token, TimeSpan Lifetime)
{
    /// <summary>The monotonic clock when it came; far back for one that was stored in an earlier life of the agent.</summary>
    public long CameAt { get; init; }

    /// <summary>The token must not get into a log by way of an object that is printed.</summary>
    public override string ToString() => $"token of pod {Key.PodUid}";
}

/// <summary>
/// The tokens in the agent's SQLite file, and in memory for reading. Ages are counted on the monotonic clock; only over a restart by
/// the box's own, and one that says that the token has yet to come is not believed: the token is then as old as can be.
/// </summary>
internal sealed class TokenStore
{
    /// <summary>The version of the database that these came with.</summary>
    public const string Version1 =
        """
        CREATE TABLE token (
            pod_uid TEXT NOT NULL,
            audience TEXT NOT NULL,
            seconds INTEGER NOT NULL,
            token TEXT NOT NULL,
            came INTEGER NOT NULL,
            lifetime INTEGER NOT NULL,
            PRIMARY KEY (pod_uid, audience, seconds)
        ) WITHOUT ROWID;
        """;

    /// <summary>Longer ones are not taken.</summary>
    public const int MostCharacters = 64 * 1024;

    private readonly ConcurrentDictionary<TokenKey, StoredToken> _tokens = [];
    private readonly Database _database;
    private readonly TimeProvider _time;

    public TokenStore(Database database, TimeProvider time)
    {
        _database = database;
        _time = time;
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        foreach (var (key, token, came, lifetime) in database.Read(session => session.Query(
            "SELECT pod_uid, audience, seconds, token, came, lifetime FROM token",
            row => (new TokenKey(row.GetString(0), row.GetString(1), row.GetInt64(2)), row.GetString(3), row.GetInt64(4), row.GetInt64(5)))))
        {
            var age = now >= came ? now - came : lifetime;
            _tokens[key] = new StoredToken(key, token, TimeSpan.FromSeconds(lifetime))
            {
                CameAt = time.GetTimestamp() - (age * time.TimestampFrequency),
            };
        }
    }

    public ICollection<TokenKey> Keys => _tokens.Keys;

    public StoredToken? Find(TokenKey key) => _tokens.GetValueOrDefault(key);

    public TimeSpan AgeOf(StoredToken token) => _time.GetElapsedTime(token.CameAt);

    public TimeSpan LifeLeft(StoredToken token) => token.Lifetime - AgeOf(token);

    /// <summary>When the task completes the token is on disk, and found.</summary>
    public async Task KeepAsync(StoredToken token, CancellationToken cancellationToken)
    {
        var came = _time.GetTimestamp();
        await _database.WriteAsync(
            session =>
            {
                session.Execute(
                    "INSERT OR REPLACE INTO token (pod_uid, audience, seconds, token, came, lifetime) VALUES ($1, $2, $3, $4, $5, $6)",
                    token.Key.PodUid, token.Key.Audience, token.Key.Seconds, token.Token,
                    _time.GetUtcNow().ToUnixTimeSeconds(), (long)token.Lifetime.TotalSeconds);
            },
            cancellationToken);
        _tokens[token.Key] = token with { CameAt = came };
    }

    /// <summary>Forgets tokens of pods that are gone.</summary>
    public async Task ForgetAsync(IReadOnlyList<TokenKey> keys, CancellationToken cancellationToken)
    {
        await _database.WriteAsync(
            session =>
            {
                foreach (var key in keys)
                {
                    session.Execute(
                        "DELETE FROM token WHERE pod_uid = $1 AND audience = $2 AND seconds = $3", key.PodUid, key.Audience, key.Seconds);
                }
            },
            cancellationToken);
        foreach (var key in keys)
        {
            _tokens.TryRemove(key, out _);
        }
    }
}
