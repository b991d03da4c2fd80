using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Replicas;

/// <summary>Two replicas and one node, on the embedded API: who may write for it, and what may be sent to it.</summary>
public sealed class NodeClaimTests : IAsyncLifetime, IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromMinutes(2));
    private readonly TempFolder _folder = new();
    private ApiHost _host = null!;
    private Replica _first = null!;
    private Replica _second = null!;

    private CancellationToken Ct => _deadline.Token;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync();
        var config = KubeConfig.Load(_host.WriteKubeconfig(_folder.Path));
        (_first, _second) = (new Replica("first_1", config), new Replica("second_2", config));
    }

    public async Task DisposeAsync()
    {
        _first.Dispose();
        _second.Dispose();
        await _host.DisposeAsync();
    }

    public void Dispose()
    {
        _folder.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task The_newest_connection_has_the_node_and_each_move_counts()
    {
        await CreateNodeAsync();
        Assert.Equal((new NodeClaim("first_1", 1), true), await _first.Claims.TakeAsync("edge-1", Ct));
        Assert.Equal((new NodeClaim("second_2", 2), true), await _second.Claims.TakeAsync("edge-1", Ct));
        Assert.Equal((new NodeClaim("first_1", 3), true), await _first.Claims.TakeAsync("edge-1", Ct));
        Assert.Equal("first_1/3", await ClaimAsync());
    }

    [Fact]
    public async Task A_node_that_comes_back_to_its_replica_is_taken_without_a_write()
    {
        await CreateNodeAsync();
        var (claim, _) = await _first.Claims.TakeAsync("edge-1", Ct);
        var before = (await NodeAsync())!.ResourceVersion;
        Assert.Equal((claim, true), await _first.Claims.TakeAsync("edge-1", Ct)); // begun, and not taken over to the end
        _first.Claims.Settle("edge-1", claim);
        Assert.Equal((new NodeClaim("first_1", 1), false), await _first.Claims.TakeAsync("edge-1", Ct));
        Assert.Equal(before, (await NodeAsync())!.ResourceVersion);
        Assert.Equal(1, _first.Claims.Taken);
    }

    [Fact]
    public async Task Of_many_that_take_a_node_at_once_exactly_the_last_has_it()
    {
        await CreateNodeAsync();
        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => new NodeClaims((i % 2 == 0 ? _first : _second).Api, $"r{i}").TakeAsync("edge-1", Ct)));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], taken.Select(t => t.Claim.Epoch).Order());
        Assert.Equal(taken.MaxBy(t => t.Claim.Epoch).Claim.ToString(), await ClaimAsync());
    }

    [Fact]
    public async Task A_pods_status_that_was_under_way_when_the_node_moved_never_lands_after_the_next_ones()
    {
        await CreateNodeAsync();
        await CreateAsync(ApiResources.Pods, TestObjects.Pod("web", "edge-1"));
        var old = await _first.SessionAsync(Ct);
        var (late, release) = await _first.HoldAsync(HttpMethod.Patch, () => _first.ReportPodAsync(old, "Running", Ct));

        var present = await _second.SessionAsync(Ct);
        Assert.Equal(200, await _second.ReportPodAsync(present, "Succeeded", Ct));
        release();
        await Assert.ThrowsAsync<SessionEndedException>(() => late);
        Assert.Equal("Succeeded", await PathAsync(ApiResources.Pods, "default", "web", "status", "phase"));
        await Assert.ThrowsAsync<SessionEndedException>(() => _first.ReportPodAsync(old, "Running", Ct));
    }

    [Fact]
    public async Task A_write_that_was_first_counts_and_one_that_met_somebody_elses_is_repeated_while_the_node_is_held()
    {
        await CreateNodeAsync();
        await CreateAsync(ApiResources.Pods, TestObjects.Pod("web", "edge-1"));
        var session = await _first.SessionAsync(Ct);
        var (late, release) = await _first.HoldAsync(HttpMethod.Patch, () => _first.ReportPodAsync(session, "Running", Ct));
        await _second.Api.PatchAsync(ApiResources.Pods, "default", "web", PatchType.Merge, """{"metadata":{"labels":{"a":"b"}}}"""u8.ToArray(), null, Ct);
        release();
        Assert.Equal(200, await late);
        Assert.Equal("Running", await PathAsync(ApiResources.Pods, "default", "web", "status", "phase"));
    }

    [Fact]
    public async Task A_nodes_status_and_labels_that_were_under_way_never_land_after_the_next_ones()
    {
        await CreateNodeAsync();
        var old = await _first.SessionAsync(Ct);
        var (status, releaseStatus) = await _first.HoldAsync(HttpMethod.Patch, () => _first.ReportNodeAsync(old, "old", Ct));
        var (labels, releaseLabels) = await _first.HoldAsync(HttpMethod.Patch, () => _first.LabelAsync(old, "old", Ct));
        var present = await _second.SessionAsync(Ct);
        await _second.ReportNodeAsync(present, "new", Ct);
        await _second.LabelAsync(present, "new", Ct);
        releaseStatus();
        releaseLabels();
        await Assert.ThrowsAsync<SessionEndedException>(() => status);
        await Assert.ThrowsAsync<SessionEndedException>(() => labels);
        Assert.Equal("new", await PathAsync(ApiResources.Nodes, "", "edge-1", "status", "nodeInfo", "kubeletVersion"));
        Assert.Equal("new", await PathAsync(ApiResources.Nodes, "", "edge-1", "metadata", "labels", "said"));
    }

    [Fact]
    public async Task A_devices_state_that_was_under_way_never_lands_after_the_next_ones()
    {
        await CreateNodeAsync();
        await CreateAsync(ApiResources.Devices, """
            {"apiVersion":"devices.kubeedge.io/v1beta1","kind":"Device","metadata":{"name":"thermo","namespace":"default"},
             "spec":{"deviceModelRef":{"name":"m"},"nodeName":"edge-1","properties":[]}}
            """);
        var old = await _first.SessionAsync(Ct);
        var (late, release) = await _first.HoldAsync(HttpMethod.Patch, () => _first.ReportStateAsync(old, "offline", Ct));
        var present = await _second.SessionAsync(Ct);
        await _second.ReportStateAsync(present, "online", Ct);
        release();
        await Assert.ThrowsAsync<SessionEndedException>(() => late);
        Assert.Equal("online", await PathAsync(ApiResources.Devices, "default", "thermo", "status", "state"));
    }

    [Fact]
    public async Task Of_two_replicas_that_register_a_new_node_one_has_it_and_the_other_ends_its_session()
    {
        var (first, second) = (await _first.SessionAsync(Ct), await _second.SessionAsync(Ct));
        Assert.Equal(200, await _second.RegisterAsync(second, Ct));
        await Assert.ThrowsAsync<SessionEndedException>(() => _first.RegisterAsync(first, Ct));
        Assert.Equal("second_2/1", await ClaimAsync());
    }

    [Fact]
    public async Task What_a_node_says_of_the_mark_itself_is_dropped()
    {
        await CreateNodeAsync();
        var session = await _first.SessionAsync(Ct);
        Assert.Equal(200, await _first.RegisterAsync(session, Ct, """{"metadata":{"name":"edge-1","annotations":{"edgesync.io/session":"thief/9"}}}"""));
        Assert.Equal("first_1/1", await ClaimAsync());
        await _first.LabelAsync(session, "x", Ct, """,{"annotations":{"edgesync.io/session":"thief/9"}}""");
        Assert.Equal("first_1/1", await ClaimAsync());
    }

    [Fact]
    public async Task A_cache_ends_a_session_by_a_later_claim_and_not_by_an_earlier_one()
    {
        await CreateNodeAsync();
        var (old, _) = await _first.Claims.TakeAsync("edge-1", Ct);
        var earlier = (await NodeAsync())!;
        var (present, _) = await _second.Claims.TakeAsync("edge-1", Ct);
        var later = (await NodeAsync())!;
        Assert.True(old.IsLostTo(later));
        Assert.False(old.IsLostTo(earlier));
        Assert.False(present.IsLostTo(earlier));
        Assert.False(present.IsLostTo(later));
    }

    [Fact]
    public async Task While_the_caches_may_be_behind_nothing_goes_out_that_the_API_contradicts()
    {
        await CreateNodeAsync();
        await CreateAsync(ApiResources.Pods, TestObjects.Pod("web", "edge-1"));
        await CreateAsync(ApiResources.Pods, TestObjects.Pod("gone", "edge-1"));
        var web = (await _first.Api.GetAsync(ApiResources.Pods, "default", "web", Ct))!;
        var gone = (await _first.Api.GetAsync(ApiResources.Pods, "default", "gone", Ct))!;
        await _first.Api.DeleteAsync(ApiResources.Pods, "default", "gone", new DeleteOptions { GracePeriodSeconds = 0 }, Ct);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var informers = new InformerSet(_second.Api, TimeProvider.System, null);
        var guard = await GuardAsync(informers);

        Assert.True(await guard.MayGoAsync(Send(web), Ct));
        Assert.False(await guard.MayGoAsync(Send(gone), Ct)); // started again
        Assert.False(await guard.MayGoAsync(Take(web, web.Uid), Ct)); // ended, though it is wanted
        Assert.True(await guard.MayGoAsync(Take(gone, gone.Uid), Ct));
        Assert.True(await guard.MayGoAsync(Take(web, "an-earlier-one"), Ct));

        // with another image by now
        await _first.Api.PatchAsync(ApiResources.Pods, "default", "web", PatchType.Merge, """{"metadata":{"labels":{"a":"b"}}}"""u8.ToArray(), null, Ct);
        Assert.False(await guard.MayGoAsync(Send(web), Ct));

        // once the caches have seen all, they decide alone
        var running = informers.RunAsync(watching.Token);
        await informers.WaitForSyncAsync(Ct);
        Assert.True(await guard.MayGoAsync(Send(gone), Ct));
        await watching.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_config_of_a_pod_that_the_cache_does_not_know_yet_is_not_taken_away()
    {
        await CreateNodeAsync();
        await CreateAsync(ApiResources.ConfigMaps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"default"}}""");
        var settings = (await _first.Api.GetAsync(ApiResources.ConfigMaps, "default", "settings", Ct))!;
        var guard = await GuardAsync(new InformerSet(_second.Api, TimeProvider.System, null));
        Assert.False(await guard.MayGoAsync(Take(settings, settings.Uid, ResourceTypes.ConfigMap), Ct));
    }

    [Fact]
    public async Task A_node_that_comes_back_before_the_caches_are_proven_is_still_guarded_and_later_is_not()
    {
        await CreateNodeAsync();
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var informers = new InformerSet(_second.Api, TimeProvider.System, null);
        var freshness = new CacheFreshness(_second.Api, CachesOf(informers), TimeProvider.System);
        var handover = new Handover(_second.Api, _second.Claims, freshness, TimeProvider.System);
        var came = await handover.TakeAsync("edge-1", Ct);
        Assert.True(came.WasElsewhere);
        Assert.NotNull(came.Guard);
        var again = await handover.TakeAsync("edge-1", Ct);
        Assert.False(again.WasElsewhere);
        Assert.NotNull(again.Guard);
        await _first.Claims.TakeAsync("edge-1", Ct);
        Assert.True((await handover.TakeAsync("edge-1", Ct)).WasElsewhere);

        var running = informers.RunAsync(watching.Token);
        await informers.WaitForSyncAsync(Ct);
        Assert.Null((await handover.TakeAsync("edge-1", Ct)).Guard);
        await watching.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Marks_that_are_asked_for_at_once_are_read_once_and_each_is_read_after_it_was_asked_for()
    {
        var freshness = new CacheFreshness(_second.Api, CachesOf(new InformerSet(_second.Api, TimeProvider.System, null)), TimeProvider.System);
        var (reading, release) = await _second.HoldAsync(HttpMethod.Get, async () =>
        {
            await freshness.MarkAsync(Ct);
            return 200;
        });
        var coming = Enumerable.Range(0, 50).Select(_ => freshness.MarkAsync(Ct)).ToList();
        var version = (await CreateAsync(ApiResources.Pods, TestObjects.Pod("web", "edge-1"))).ResourceVersion;
        Assert.DoesNotContain(coming, m => m.IsCompleted); // they wait for a read of their own
        release();
        await reading;
        var marks = await Task.WhenAll(coming);
        Assert.Single(marks.Distinct());
        Assert.True(marks[0].Versions[ResourceTypes.Pod] >= ulong.Parse(version, System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_cache_that_a_mark_does_not_prove_is_listed_anew_and_then_proven()
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var informer = new Informer(_first.Api, ApiResources.Pods, null, TimeProvider.System, NullLogger.Instance);
        var running = informer.RunAsync(watching.Token);
        await informer.WaitForSyncAsync(Ct);
        var before = informer.ListBegan;
        informer.ListAnew();
        await Eventually.HoldsAsync("a new list is in", () => informer.ListBegan > before);
        await CreateAsync(ApiResources.Pods, TestObjects.Pod("later", "edge-1"));
        await Eventually.HoldsAsync("the watch goes on", () => informer.Get(new NamespacedName("default", "later")) is not null);
        Assert.True(informer.Version >= ulong.Parse((await _first.Api.GetAsync(ApiResources.Pods, "default", "later", Ct))!.ResourceVersion, System.Globalization.CultureInfo.InvariantCulture));
        await watching.CancelAsync();
        await running;
    }

    private async Task<StaleGuard> GuardAsync(InformerSet informers)
    {
        var freshness = new CacheFreshness(_second.Api, CachesOf(informers), TimeProvider.System);
        return new StaleGuard(_second.Api, freshness, await freshness.MarkAsync(Ct), "edge-1");
    }

    private static HubInformers CachesOf(InformerSet informers) => new(
        informers.For(ApiResources.Nodes), informers.For(ApiResources.Pods), informers.For(ApiResources.ConfigMaps),
        informers.For(ApiResources.Secrets), informers.For(ApiResources.Devices), informers.For(ApiResources.DeviceModels));

    private static Message Send(KubeObject pod) => new()
    {
        Id = "m1",
        Operation = Operations.Insert,
        Resource = pod.Key(ResourceTypes.Pod).ToString(),
        Content = pod.Json,
    };

    private static Message Take(KubeObject gone, string uid, string type = ResourceTypes.Pod) => new()
    {
        Id = "m1",
        Operation = Operations.Delete,
        Resource = gone.Key(type).ToString(),
        Content = Encoding.UTF8.GetBytes($$$"""{"metadata":{"namespace":"{{{gone.Namespace}}}","name":"{{{gone.Name}}}","uid":"{{{uid}}}"} }"""),
    };

    private Task<KubeObject> CreateNodeAsync() => CreateAsync(ApiResources.Nodes, """{"apiVersion":"v1","kind":"Node","metadata":{"name":"edge-1"}}""");

    private Task<KubeObject> CreateAsync(ApiResource resource, string json) =>
        _first.Api.CreateAsync(resource, resource == ApiResources.Nodes ? "" : "default", Encoding.UTF8.GetBytes(json), Ct);

    private Task<KubeObject?> NodeAsync() => _first.Api.GetAsync(ApiResources.Nodes, "", "edge-1", Ct);

    private async Task<string?> ClaimAsync() => (await NodeAsync())!.Annotation("edgesync.io/session"u8);

    private async Task<string?> PathAsync(ApiResource resource, string ns, string name, params string[] path)
    {
        var node = JsonNode.Parse((await _first.Api.GetAsync(resource, ns, name, Ct))!.Json.Span);
        return (string?)path.Aggregate(node, (at, member) => at?[member]);
    }

    /// <summary>One process's upstream handlers; its requests can be held back on their way.</summary>
    private sealed class Replica : IDisposable
    {
        private readonly Replies _replies = new(TimeProvider.System);
        private readonly HoldingHandler _way;
        private readonly NodeUpstream _nodes;
        private readonly PodUpstream _pods;
        private readonly DeviceUpstream _devices;

        public Replica(string identity, KubeConfig config)
        {
            _way = new HoldingHandler(KubeTransport.Create(config, TimeProvider.System));
            Api = new KubeClient(_way, config.Server, TimeProvider.System);
            Claims = new NodeClaims(Api, identity);
            _nodes = new NodeUpstream(Api, new KnownNode(_ => null, TimeProvider.System), _replies);

            // one that was never started: its cache is empty
            _pods = new PodUpstream(Api, new Informer(Api, ApiResources.Pods, null, TimeProvider.System, NullLogger.Instance), _replies);
            _devices = new DeviceUpstream(Api, _replies, NullLogger<DeviceUpstream>.Instance);
        }

        public KubeClient Api { get; }

        public NodeClaims Claims { get; }

        public async Task<SessionIdentity> SessionAsync(CancellationToken ct)
        {
            var (claim, wasElsewhere) = await Claims.TakeAsync("edge-1", ct);
            return new SessionIdentity("edge-1", 1, Extended: true, "127.0.0.1") { Claim = claim, WasElsewhere = wasElsewhere };
        }

        /// <summary>Begins something, and holds its first request of this method back; gives out how that is let go.</summary>
        public async Task<(Task<int> Late, Action Release)> HoldAsync(HttpMethod method, Func<Task<int>> begin)
        {
            var (reached, release) = _way.HoldNext(method);
            var late = begin();
            await Task.WhenAny(reached, late);
            Assert.False(late.IsCompleted, "it was done without the request");
            return (late, release);
        }

        public Task<int> RegisterAsync(SessionIdentity session, CancellationToken ct, string node = """{"metadata":{"name":"edge-1"}}""") =>
            CodeAsync(_nodes.RegisterAsync(session, new ObjectKey("", ResourceTypes.Node, "edge-1"), Request(Operations.Insert, "default/node/edge-1", node), ct));

        public Task<int> ReportNodeAsync(SessionIdentity session, string version, CancellationToken ct) => CodeAsync(_nodes.PatchStatusAsync(
            session, new ObjectKey("default", ResourceTypes.NodePatch, "edge-1"),
            Request(Operations.Patch, "default/nodepatch/edge-1", $$$"""{"status":{"nodeInfo":{"kubeletVersion":"{{{version}}}"} } }"""), ct));

        public Task<int> LabelAsync(SessionIdentity session, string said, CancellationToken ct, string? more = null)
        {
            var metadata = JsonNode.Parse($$$"""{"labels":{"said":"{{{said}}}"} }""")!.AsObject();
            foreach (var (name, value) in more is null ? [] : JsonNode.Parse(more[1..])!.AsObject().ToList())
            {
                metadata[name] = value!.DeepClone();
            }

            return CodeAsync(_nodes.UpdateAsync(
                session, new ObjectKey("default", ResourceTypes.Node, "edge-1"),
                Request(Operations.Update, "default/node/edge-1", new JsonObject { ["metadata"] = metadata }.ToJsonString()), ct));
        }

        public Task<int> ReportPodAsync(SessionIdentity session, string phase, CancellationToken ct) => CodeAsync(_pods.PatchStatusAsync(
            session, new ObjectKey("default", ResourceTypes.Pod, "web"),
            Request(Operations.Patch, "default/podpatch/web", $$$"""{"status":{"phase":"{{{phase}}}"} }"""), ct));

        public async Task<int> ReportStateAsync(SessionIdentity session, string state, CancellationToken ct)
        {
            await _devices.HandleAsync(session, Request(Operations.Update, "device/default/thermo/state/update", $$$"""{"device":{"state":"{{{state}}}"} }"""), ct);
            return 200;
        }

        public void Dispose() => Api.Dispose();

        private static async Task<int> CodeAsync(Task<Message> answer)
        {
            var content = (await answer).Content.Span;
            return !content.StartsWith("{"u8) || JsonNode.Parse(content)!["Err"] is not { } error ? 200 : (int)error["ErrStatus"]!["code"]!;
        }

        private static Message Request(string operation, string resource, string content) => new()
        {
            Id = Guid.NewGuid().ToString(),
            Operation = operation,
            Resource = resource,
            Content = Encoding.UTF8.GetBytes(content),
        };
    }

    /// <summary>Keeps chosen requests until they are let go, as a network may that delays them.</summary>
    private sealed class HoldingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        private readonly Lock _gate = new();
        private readonly List<(HttpMethod Method, TaskCompletionSource Reached, TaskCompletionSource Released)> _held = []; // guarded by _gate

        public (Task Reached, Action Release) HoldNext(HttpMethod method)
        {
            var (reached, released) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            lock (_gate)
            {
                _held.Add((method, reached, released));
            }

            return (reached.Task, () => released.TrySetResult());
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            (HttpMethod Method, TaskCompletionSource Reached, TaskCompletionSource Released) held;
            lock (_gate)
            {
                held = _held.Find(h => h.Method == request.Method && !h.Reached.Task.IsCompleted);
                held.Reached?.TrySetResult();
            }

            await (held.Released?.Task ?? Task.CompletedTask);
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
