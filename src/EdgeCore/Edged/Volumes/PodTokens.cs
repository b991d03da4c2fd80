using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>What the hub answered to a request for a token.</summary>
/// <param name="Request">The API's TokenRequest, JSON; empty where there is none.</param>
/// <param name="HubTime">The hub's clock, milliseconds since 1970: what the token's end is counted from.</param>
/// <param name="Problem">In words; empty where there is an answer.</param>
internal readonly record struct TokenAnswer(ReadOnlyMemory<byte> Request, long HubTime, string Problem);

/// <summary>Asks the hub for a token of a service account; null where there is no link.</summary>
internal delegate Task<TokenAnswer?> TokenQuery(ObjectKey account, ReadOnlyMemory<byte> request, CancellationToken cancellationToken);

/// <summary>
/// Keeps a service account token for each projected volume that wants one: asked of the hub as soon as the pod is known, stored
/// before it is used, renewed at 80 % of its life (once a day at least), and at once when the link is back and it should have
/// been. Without link the present one stays, also when its time is over: what it is worth is for the API to say. Neither a token nor
/// a part of one is ever logged.
/// </summary>
internal sealed partial class PodTokens(MetaManager.MetaManager objects, TokenStore store, TimeProvider time, ILogger<PodTokens> logger)
{
    private const int AtOnce = 4;
    private const double RenewAt = 0.8;

    private static readonly Backoff s_retry = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
    private static readonly TimeSpan s_oldest = TimeSpan.FromHours(24);

    // how long a pod waits for its first token where no link comes; after that it starts without
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan s_noLinkPause = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<TokenKey, Asked> _asked = []; // guarded by _gate; entries are the loop's, but for what Find reads
    private readonly WakeSignal _wake = new();
    private volatile bool _linkIsNew;

    /// <summary>How the hub is asked. Set while the agent is composed; without it there are no tokens.</summary>
    public TokenQuery? Query { get; set; }

    /// <summary>A pod's token has come or was renewed; called with the pod's uid.</summary>
    public Action<string>? Changed { get; set; }

    /// <summary>The link is back: what is due is asked for at once, what has ended first.</summary>
    public void OnConnected()
    {
        _linkIsNew = true;
        _wake.Set();
    }

    /// <summary>The token for a volume; null where the pod is to start without it, because no link came.</summary>
    /// <exception cref="MissingReferenceException">It is still to come, or the hub does not give it.</exception>
    public string? Find(WantedPod pod, ServiceAccountTokenProjection projection)
    {
        var key = TokenKey.Of(pod, projection);
        if (store.Find(key) is { } held)
        {
            return held.Token;
        }

        Asked? asked;
        lock (_gate)
        {
            asked = _asked.GetValueOrDefault(key);
        }

        if (asked is { Problem.Length: > 0 })
        {
            throw new MissingReferenceException($"the hub gives no token for service account \"{AccountOf(pod)}\": {asked.Problem}");
        }

        if (asked is null || time.GetElapsedTime(asked.Since) < s_patience)
        {
            throw new MissingReferenceException($"the token for service account \"{AccountOf(pod)}\" has not come yet");
        }

        LogWithout(pod.Describe);
        return null;
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var pods = objects.Subscribe(ResourceTypes.Pod, _ => _wake.Set());
        while (true)
        {
            if (_linkIsNew)
            {
                _linkIsNew = false;
                foreach (var waiting in _asked.Values)
                {
                    waiting.Failures = 0;
                    waiting.Wait = TimeSpan.Zero;
                }
            }

            var due = await DueAsync(cancellationToken);
            var wait = due.Count > 0 ? await AskAllAsync(due, cancellationToken) : NextDue();
            await _wake.WaitAsync(wait, cancellationToken);
        }
    }

    private static string AccountOf(WantedPod pod) => pod.Spec.ServiceAccountName is { Length: > 0 } account ? account : "default";

    /// <summary>What is to be asked for now, what has ended or is missing first. Tokens of pods that are gone are forgotten.</summary>
    private async Task<List<Asked>> DueAsync(CancellationToken cancellationToken)
    {
        var wanted = Wanted();
        var gone = store.Keys.Where(k => !wanted.ContainsKey(k)).ToList();
        if (gone.Count > 0)
        {
            await store.ForgetAsync(gone, cancellationToken);
        }

        lock (_gate)
        {
            foreach (var key in _asked.Keys.Where(k => !wanted.ContainsKey(k)).ToList())
            {
                _asked.Remove(key);
            }

            foreach (var (key, pod) in wanted)
            {
                if (_asked.TryGetValue(key, out var known))
                {
                    known.Pod = pod;
                }
                else
                {
                    // not all boxes of a fleet renew in the same second
                    _asked.Add(key, new Asked(key, pod, time.GetTimestamp(), RenewAt - (Random.Shared.NextDouble() * 0.02)));
                }
            }
        }

        return [.. _asked.Values.Where(a => LeftUntilDue(a) <= TimeSpan.Zero).OrderBy(a => store.Find(a.Key) is { } held ? store.LifeLeft(held) : TimeSpan.MinValue)];
    }

    private TimeSpan NextDue()
    {
        var next = Timeout.InfiniteTimeSpan;
        foreach (var asked in _asked.Values)
        {
            var left = LeftUntilDue(asked);
            if (next == Timeout.InfiniteTimeSpan || left < next)
            {
                next = left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1);
            }
        }

        return next > s_oldest ? s_oldest : next;
    }

    private TimeSpan LeftUntilDue(Asked asked)
    {
        var pause = asked.Wait - time.GetElapsedTime(asked.At);
        if (store.Find(asked.Key) is not { } held)
        {
            return pause;
        }

        var life = held.Lifetime * asked.RenewAt;
        var due = (life < s_oldest ? life : s_oldest) - store.AgeOf(held);
        return due > pause ? due : pause;
    }

    /// <returns>When to look again, if nothing happens before.</returns>
    private async Task<TimeSpan> AskAllAsync(List<Asked> due, CancellationToken cancellationToken)
    {
        var linked = true;
        await Parallel.ForEachAsync(
            due,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (asked, token) => linked &= await AskAsync(asked, token));

        // without link it is the link's return that wakes, or a pod; the pause is for a link that cannot be asked yet
        return linked ? NextDue() : s_noLinkPause;
    }

    /// <returns>Whether there was a link.</returns>
    private async Task<bool> AskAsync(Asked asked, CancellationToken cancellationToken)
    {
        var account = new ObjectKey(asked.Pod.Namespace, ResourceTypes.ServiceAccountToken, AccountOf(asked.Pod));
        TokenAnswer? answer = Query is { } query ? await query(account, RequestOf(asked), cancellationToken) : null;
        if (answer is not { } got)
        {
            return false;
        }

        var problem = got.Problem;
        var token = problem.Length > 0 ? null : Read(got, asked.Key, out problem);
        asked.At = time.GetTimestamp();
        if (token is null)
        {
            asked.Wait = s_retry.After(++asked.Failures);
            if (asked.Failures == 1)
            {
                LogNotGiven(asked.Pod.Describe, account.Name, problem);
            }

            asked.Problem = problem;
            return true;
        }

        await store.KeepAsync(token, cancellationToken);
        asked.Failures = 0;
        asked.Wait = TimeSpan.Zero;
        asked.Problem = "";
        LogGiven(asked.Pod.Describe, account.Name, token.Lifetime.TotalSeconds);
        Changed?.Invoke(asked.Key.PodUid);
        return true;
    }

    private static byte[] RequestOf(Asked asked)
    {
        var spec = new JsonObject
        {
            ["audiences"] = asked.Key.Audience.Length == 0 ? null : new JsonArray(asked.Key.Audience),
            ["expirationSeconds"] = asked.Key.Seconds,
            ["boundObjectRef"] = new JsonObject
            {
                ["kind"] = "Pod",
                ["apiVersion"] = "v1",
                ["name"] = asked.Pod.Name,
                ["uid"] = asked.Pod.Uid,
            },
        };
        var request = new JsonObject
        {
            ["kind"] = "TokenRequest",
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["metadata"] = new JsonObject { ["creationTimestamp"] = null },
            ["spec"] = spec,
        };
        return System.Text.Encoding.UTF8.GetBytes(request.ToJsonString());
    }

    private static StoredToken? Read(TokenAnswer answer, TokenKey key, out string problem)
    {
        problem = "the hub's answer is no TokenRequest";
        try
        {
            using var document = JsonDocument.Parse(answer.Request, new JsonDocumentOptions { MaxDepth = 16 });
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("status", out var status) && status.ValueKind == JsonValueKind.Object
                && status.TryGetProperty("token", out var token) && token.ValueKind == JsonValueKind.String
                && token.GetString() is { Length: > 0 and <= TokenStore.MostCharacters } text
                && status.TryGetProperty("expirationTimestamp", out var end) && end.ValueKind == JsonValueKind.String
                && KubeTime.TryParse(end.GetString(), out var expires))
            {
                var life = expires - DateTimeOffset.FromUnixTimeMilliseconds(answer.HubTime);
                problem = "";
                return new StoredToken(key, text, life > TimeSpan.Zero ? life : TimeSpan.Zero);
            }
        }
        catch (JsonException)
        {
            // said below; what it holds must not be told
        }

        return null;
    }

    private Dictionary<TokenKey, WantedPod> Wanted()
    {
        var wanted = new Dictionary<TokenKey, WantedPod>();
        foreach (var stored in objects.List(ResourceTypes.Pod))
        {
            try
            {
                var pod = WantedPod.Read(stored);
                foreach (var token in pod.Spec.Volumes.SelectMany(v => v.Projected?.Sources ?? []).Select(s => s.ServiceAccountToken))
                {
                    if (token is not null)
                    {
                        wanted[TokenKey.Of(pod, token)] = pod;
                    }
                }
            }
            catch (KubeObjectException)
            {
                // its worker says so
            }
        }

        return wanted;
    }

    private sealed class Asked(TokenKey key, WantedPod pod, long since, double renewAt)
    {
        public TokenKey Key => key;

        public WantedPod Pod { get; set; } = pod;

        /// <summary>When the wish was first seen.</summary>
        public long Since => since;

        public double RenewAt => renewAt;

        public int Failures { get; set; }

        public long At { get; set; }

        public TimeSpan Wait { get; set; }

        public volatile string Problem = "";
    }

    [LoggerMessage(LogLevel.Warning, "Pod {Pod}: the hub gives no token for service account {Account}: {Reason}; asking again from time to time")]
    private partial void LogNotGiven(string pod, string account, string reason);

    [LoggerMessage(LogLevel.Debug, "Pod {Pod}: a token for service account {Account} is stored, good for {Seconds:0} s")]
    private partial void LogGiven(string pod, string account, double seconds);

    [LoggerMessage(LogLevel.Warning, "Pod {Pod} starts without its service account token: there is no link to the hub, and none was stored; it comes with the link")]
    private partial void LogWithout(string pod);
}
