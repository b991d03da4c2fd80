using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.Edged.Volumes;

/// <summary>Service account tokens on a box that has a link now and then.</summary>
public sealed class PodTokensTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TokenHub _hub = new();
    private readonly ILoggerFactory _logs;
    private Database _database = null!;
    private MetaManager.MetaManager _objects = null!;
    private PodTokens _tokens = null!;
    private CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public PodTokensTests() => _logs = LoggerFactory.Create(b => b.AddProvider(new FileLoggerProvider(_folder.File("log"))).SetMinimumLevel(LogLevel.Trace));

    public Task InitializeAsync()
    {
        Start();
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => StopAsync();

    public void Dispose()
    {
        _stop.Dispose();
        _logs.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_token_is_there_soon_after_its_pod_and_no_log_tells_it()
    {
        var pod = await AddAsync("a");
        await HasAsync(pod, "token-1");
        await StopAsync();
        Assert.DoesNotContain("token-1", await File.ReadAllTextAsync(_folder.File("log")), StringComparison.Ordinal);
        Assert.DoesNotContain("token-1", new StoredToken(new TokenKey("u", "", 1), "token-1", TimeSpan.Zero).ToString(), StringComparison.Ordinal);
        Start();
    }

    [Fact]
    public async Task It_is_renewed_before_its_end_by_the_hubs_clock()
    {
        _hub.Lifetime = TimeSpan.FromSeconds(2);
        var pod = await AddAsync("a");
        await HasAtLeastAsync(pod, 3);
    }

    [Fact]
    public async Task A_stored_token_serves_without_link_after_a_restart_also_past_its_end()
    {
        _hub.Lifetime = TimeSpan.FromSeconds(1);
        var pod = await AddAsync("a");
        await HasAtLeastAsync(pod, 1);
        _hub.IsLinked = false;
        await Eventually.HoldsAsync("its time is over", () => Age(pod) > TimeSpan.FromSeconds(1));
        await StopAsync();
        Start();
        Assert.StartsWith("token-", Find(pod), StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_link_is_back_what_is_missing_or_has_ended_is_asked_for_at_once_and_nothing_else()
    {
        _hub.Lifetime = TimeSpan.FromHours(1);
        await HasAsync(await AddAsync("long"), "token-1");
        _hub.Lifetime = TimeSpan.FromSeconds(1);
        var shortLived = await AddAsync("short");
        await HasAtLeastAsync(shortLived, 2);
        _hub.IsLinked = false;
        var late = await AddAsync("late");
        await Eventually.HoldsAsync("the short one has ended", () => Age(shortLived) > TimeSpan.FromSeconds(1));
        Assert.StartsWith("token-", Find(shortLived), StringComparison.Ordinal);
        Assert.Throws<MissingReferenceException>(() => Find(late));
        var before = _hub.Asked.Count;
        _hub.Lifetime = TimeSpan.FromHours(1);
        _hub.IsLinked = true;
        _tokens.OnConnected();
        await Eventually.HoldsAsync("both are asked for", () => _hub.Asked.Count >= before + 2);
        Assert.Equal(["late", "short"], _hub.Asked.Skip(before).Order());
    }

    [Fact]
    public async Task The_hubs_refusal_is_what_a_waiting_pod_says_and_it_is_asked_again()
    {
        _hub.Refusal = "serviceaccounts \"default\" not found";
        var pod = await AddAsync("a");
        await Eventually.HoldsAsync("the refusal is known", () =>
        {
            try
            {
                Find(pod);
                return false;
            }
            catch (MissingReferenceException e)
            {
                return e.Message == "the hub gives no token for service account \"default\": serviceaccounts \"default\" not found";
            }
        });
        _hub.Refusal = "";
        await HasAsync(pod, "token-1");
    }

    [Fact]
    public async Task Tokens_of_pods_that_are_gone_are_forgotten()
    {
        var pod = await AddAsync("a");
        await HasAsync(pod, "token-1");
        await _objects.ApplyAsync([new ObjectChange(new ObjectKey("default", ResourceTypes.Pod, "a"), null, "")], null, CancellationToken.None);
        await Eventually.HoldsAsync(
            "nothing is stored", () => (long)_database.Read(s => s.Scalar("SELECT count(*) FROM token"))! == 0);
    }

    [Fact]
    public async Task A_clock_that_was_set_back_makes_a_stored_token_old_and_not_young()
    {
        await _database.WriteAsync(
            session =>
            {
                session.Execute(
                    "INSERT INTO token (pod_uid, audience, seconds, token, came, lifetime) VALUES ('u', '', 3607, 't', $1, 3600)",
                    DateTimeOffset.UtcNow.AddYears(1).ToUnixTimeSeconds());
            },
            CancellationToken.None);
        var store = new TokenStore(_database, TimeProvider.System);
        Assert.True(store.LifeLeft(store.Find(new TokenKey("u", "", 3607))!) <= TimeSpan.Zero);
    }

    private static string Uid(string name) => "uid-" + name;

    private void Start()
    {
        _stop = new CancellationTokenSource();
        _database = EdgeDatabase.Open(_folder.File(EdgeDatabase.FileName), TimeProvider.System);
        _objects = new MetaManager.MetaManager(_database);
        _tokens = new PodTokens(_objects, new TokenStore(_database, TimeProvider.System), TimeProvider.System, _logs.CreateLogger<PodTokens>())
        {
            Query = _hub.QueryAsync,
        };
        _loop = _tokens.RunAsync(_stop.Token);
    }

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.True(_loop.IsCanceled, _loop.Exception?.ToString());
        _stop.Dispose();
        await _database.DisposeAsync();
    }

    private async Task<WantedPod> AddAsync(string name)
    {
        var json = PodSpecs.Pod(name, spec: s => s["volumes"] = JsonNode.Parse(
            """[{"name":"t","projected":{"sources":[{"serviceAccountToken":{"path":"token","expirationSeconds":3607}}]}}]"""));
        json["metadata"]!["uid"] = Uid(name);
        var parsed = KubeObject.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));
        await _objects.ApplyAsync([new ObjectChange(parsed.Key(ResourceTypes.Pod), parsed, parsed.Uid)], null, CancellationToken.None);
        return WantedPod.Read(parsed);
    }

    private string? Find(WantedPod pod) => _tokens.Find(pod, pod.Spec.Volumes[0].Projected!.Sources[0].ServiceAccountToken!);

    private TimeSpan Age(WantedPod pod)
    {
        var store = new TokenStore(_database, TimeProvider.System);
        return store.AgeOf(store.Find(new TokenKey(pod.Uid, "", 3607))!);
    }

    /// <summary>For tokens that are renewed after a second or less: who looks may miss one.</summary>
    private Task HasAtLeastAsync(WantedPod pod, int number) => Eventually.HoldsAsync(
        $"pod {pod.Name} has token-{number} or a later one", () => int.Parse(Find(pod)!["token-".Length..], CultureInfo.InvariantCulture) >= number);

    private Task HasAsync(WantedPod pod, string token) => Eventually.HoldsAsync($"pod {pod.Name} has {token}", () => Find(pod) == token);
}
