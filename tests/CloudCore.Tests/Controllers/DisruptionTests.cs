using System.Net;
using System.Text.Json;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Disruption;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>Disruption budgets: what they allow, and evictions that take from it.</summary>
public sealed class DisruptionTests
{
    private const string Budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    private const string Pods = ApiClient.Core + "/pods";
    private const string Sets = ApiClient.Apps + "/replicasets";

    private static readonly DateTimeOffset s_now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2", null, 3, 3, 3, 2, 1)]
    [InlineData("3", null, 3, 3, 3, 3, 0)]
    [InlineData("50%", null, 3, 3, 3, 2, 1)] // of what is wanted, rounded up
    [InlineData("50%", null, 2, 3, 3, 2, 0)]
    [InlineData(null, "1", 3, 3, 3, 2, 1)]
    [InlineData(null, "1", 2, 3, 3, 2, 0)]
    [InlineData(null, "40%", 5, 5, 5, 3, 2)]
    [InlineData(null, "10", 3, 3, 3, 0, 3)]
    [InlineData(null, "1", 3, 0, 0, 0, 0)] // pods of no controller: nothing is known of how many there should be
    public void What_a_budget_allows(string? least, string? most, int healthy, int wanted, int expected, int desired, int allowed)
    {
        var status = BudgetStatus.Decide(new BudgetState
        {
            MinAvailable = Amount(least),
            MaxUnavailable = Amount(most),
            Pods = [.. Enumerable.Range(0, healthy).Select(i => Pod($"p{i}", ready: true)), .. Enumerable.Range(0, Math.Max(0, 3 - healthy)).Select(i => Pod($"u{i}", ready: false))],
            Wanted = wanted,
            Disrupted = new Dictionary<string, DateTimeOffset>(),
            Now = s_now,
        });
        Assert.Equal((expected, desired, allowed, healthy), (status.ExpectedPods, status.DesiredHealthy, status.DisruptionsAllowed, status.CurrentHealthy));
    }

    [Fact]
    public void An_evicted_pod_counts_as_gone_until_it_is_or_two_minutes_have_passed()
    {
        BudgetStatus At(DateTimeOffset now) => BudgetStatus.Decide(new BudgetState
        {
            MinAvailable = Amount("1"),
            Pods = [Pod("a", ready: true), Pod("b", ready: true), Pod("going", ready: true) with { IsDeleting = true }],
            Wanted = 0,
            Disrupted = new Dictionary<string, DateTimeOffset> { ["b"] = s_now, ["going"] = s_now, ["gone"] = s_now },
            Now = now,
        });
        var early = At(s_now.AddSeconds(30));
        Assert.Equal((1, 0), (early.CurrentHealthy, early.DisruptionsAllowed));
        Assert.Equal(["b"], early.Disrupted.Keys);
        Assert.Equal(TimeSpan.FromSeconds(90), early.LookAgainAfter);
        var late = At(s_now.AddSeconds(121));
        Assert.Equal((2, 1), (late.CurrentHealthy, late.DisruptionsAllowed));
        Assert.Empty(late.Disrupted);
        Assert.Null(late.LookAgainAfter);
    }

    [Fact]
    public async Task Evictions_go_on_as_far_as_the_budget_lets_them()
    {
        await using var world = await World.StartAsync();
        var set = await world.CreateAsync(Sets, """
            {"metadata":{"name":"web"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},
             "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
            """);
        foreach (var name in (string[])["a", "b", "c"])
        {
            await world.RunPodAsync(name, set);
        }

        await world.CreateAsync(Budgets, """{"metadata":{"name":"web"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"web"}}}}""");
        await world.AllowsAsync(1);
        Assert.Equal(HttpStatusCode.Created, await world.EvictAsync("a"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await world.EvictAsync("b"));
        await world.Api.DeleteAsync(Pods + "/a", """{"gracePeriodSeconds":0}"""); // its node has stopped it
        await world.AllowsAsync(0);
        Assert.Equal(HttpStatusCode.TooManyRequests, await world.EvictAsync("b"));
        await world.RunPodAsync("d", set);
        await world.AllowsAsync(1);
        Assert.Equal(HttpStatusCode.Created, await world.EvictAsync("b"));

        var status = (await world.Api.GetAsync(Budgets + "/web")).Body["status"]!;
        Assert.Equal("DisruptionAllowed", (string)status["conditions"]![0]!["type"]!);
    }

    [Fact]
    public async Task A_changed_budget_is_counted_anew()
    {
        await using var world = await World.StartAsync();
        await world.RunPodAsync("lonely", null);
        await world.CreateAsync(Budgets, """{"metadata":{"name":"web"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"web"}}}}""");
        await world.AllowsAsync(0);
        await world.Api.MergeAsync(Budgets + "/web", """{"spec":{"minAvailable":0}}""");
        await world.AllowsAsync(1);
    }

    private static JsonElement? Amount(string? text) =>
        text is null ? null : JsonElement.Parse(text.EndsWith('%') ? $"\"{text}\"" : text);

    private static PodFacts Pod(string name, bool ready) => new() { Name = new NamespacedName("default", name), Uid = name, IsReady = ready };

    /// <summary>The embedded API with nothing but the disruption controller at work on it.</summary>
    private sealed class World(ApiHost host, TempFolder home, KubeClient client, ControllersService controllers) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private Task _running = Task.CompletedTask;

        public ApiClient Api { get; } = new(host.Client());

        public static async Task<World> StartAsync()
        {
            var host = await ApiHost.StartAsync();
            var home = new TempFolder();
            var client = new KubeClient(KubeConfig.Load(host.WriteKubeconfig(home.Path)), TimeProvider.System);
            var informers = new InformerSet(client, TimeProvider.System, null);
            var options = new ControllersOptions { Selection = ControllerSelection.Of(["disruption"]) };
            var controllers = new ControllersService(client, informers, options, TimeProvider.System, NullLoggerFactory.Instance);
            var world = new World(host, home, client, controllers);
            world._running = Task.WhenAll(informers.RunAsync(world._stop.Token), controllers.RunAsync(world._stop.Token));
            return world;
        }

        public async Task<string> CreateAsync(string path, string body)
        {
            var answer = await Api.PostAsync(path, body);
            Assert.True(answer.Code == HttpStatusCode.Created, answer.Message);
            return (string)answer.Body["metadata"]!["uid"]!;
        }

        /// <summary>A pod that its node says is ready.</summary>
        public async Task RunPodAsync(string name, string? set)
        {
            var owner = set is null ? "" : $$$"""
                ,"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"{{{set}}}","controller":true}]
                """;
            await CreateAsync(Pods, $$$$"""
                {"metadata":{"name":"{{{{name}}}}","labels":{"app":"web"}{{{{owner}}}} },"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}}
                """);
            var answer = await Api.MergeAsync($"{Pods}/{name}/status", """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}""");
            Assert.True(answer.Code == HttpStatusCode.OK, answer.Message);
        }

        public async Task<HttpStatusCode> EvictAsync(string pod) => (await Api.PostAsync(
            $"{Pods}/{pod}/eviction", $$$"""{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"{{{pod}}}"}}""")).Code;

        public Task AllowsAsync(int disruptions) => Eventually.HoldsAsync($"the budget allows {disruptions}", async () =>
        {
            var budget = (await Api.GetAsync(Budgets + "/web")).Body;
            return (long?)budget["status"]!["observedGeneration"] == (long?)budget["metadata"]!["generation"]
                && (int?)budget["status"]!["disruptionsAllowed"] == disruptions;
        });

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            controllers.Dispose();
            client.Dispose();
            _stop.Dispose();
            await host.DisposeAsync();
            home.Dispose();
        }
    }
}
