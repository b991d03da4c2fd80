using System.Diagnostics;
using System.Net;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>The garbage collector on the embedded API: all resources, by Kubernetes' rules for owner references.</summary>
public sealed class EmbeddedGarbageTests
{
    private const string Sets = ApiClient.Apps + "/replicasets";
    private const string Maps = ApiClient.Core + "/configmaps";
    private const string Template = "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";

    [Fact]
    public async Task A_chain_goes_link_by_link_and_in_the_foreground_from_its_end()
    {
        await using var world = await World.StartAsync();
        var owner = await world.CreateAsync(Sets, $$$$"""{"metadata":{"name":"top"},"spec":{ {{{{Template}}}} }}""");
        var middle = await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"middle","ownerReferences":[{{{{Owner("apps/v1", "ReplicaSet", "top", owner)}}}}]}}""");
        await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"end","finalizers":["a.b/c"],"ownerReferences":[{{{{Owner("v1", "ConfigMap", "middle", middle)}}}}]}}""");
        await world.Api.DeleteAsync(Sets + "/top", """{"propagationPolicy":"Foreground"}""");
        await Eventually.HoldsAsync("the end is asked to go", async () => (await world.Api.GetAsync(Maps + "/end")).Body["metadata"]!["deletionTimestamp"] is not null);
        Assert.Equal(HttpStatusCode.OK, (await world.Api.GetAsync(Sets + "/top")).Code);
        Assert.Equal(HttpStatusCode.OK, (await world.Api.GetAsync(Maps + "/middle")).Code);
        await world.Api.MergeAsync(Maps + "/end", """{"metadata":{"finalizers":null}}""");
        await world.GoneAsync(Maps + "/end", Maps + "/middle", Sets + "/top");
    }

    [Fact]
    public async Task Orphans_lose_their_owner_and_stay()
    {
        await using var world = await World.StartAsync();
        var owner = await world.CreateAsync(Sets, $$$$"""{"metadata":{"name":"top"},"spec":{ {{{{Template}}}} }}""");
        await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"kept","ownerReferences":[{{{{Owner("apps/v1", "ReplicaSet", "top", owner)}}}}]}}""");
        await world.Api.DeleteAsync(Sets + "/top", """{"propagationPolicy":"Orphan"}""");
        await world.GoneAsync(Sets + "/top");
        var kept = await world.Api.GetAsync(Maps + "/kept");
        Assert.Equal(HttpStatusCode.OK, kept.Code);
        Assert.Null(kept.Body["metadata"]!["ownerReferences"]);
    }

    [Fact]
    public async Task Owners_are_looked_for_by_uid_in_their_dependents_namespace()
    {
        await using var world = await World.StartAsync();
        var alive = await world.CreateAsync(Maps, """{"metadata":{"name":"alive"}}""");
        var node = await world.CreateAsync("/api/v1/nodes", """{"metadata":{"name":"n"}}""");
        await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"of-node","ownerReferences":[{{{{Owner("v1", "Node", "n", node)}}}}]}}""");
        await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"half","ownerReferences":[{{{{Owner("v1", "ConfigMap", "alive", alive)}}}},{{{{Owner("v1", "ConfigMap", "gone", "u1")}}}}]}}""");
        await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"other-uid","ownerReferences":[{{{{Owner("v1", "ConfigMap", "alive", "u2")}}}}]}}""");
        await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"unknown-kind","ownerReferences":[{{{{Owner("a.b/v1", "Widget", "w", "u3")}}}}]}}""");
        await world.CreateAsync("/api/v1/namespaces", """{"metadata":{"name":"far"}}""");
        await world.CreateAsync("/api/v1/namespaces/far/configmaps", $$$$"""{"metadata":{"name":"across","ownerReferences":[{{{{Owner("v1", "ConfigMap", "alive", alive)}}}}]}}""");
        await world.CreateAsync("/apis/storage.k8s.io/v1/storageclasses", $$$$"""{"metadata":{"name":"wide","ownerReferences":[{{{{Owner("v1", "ConfigMap", "alive", alive)}}}}]},"provisioner":"a/b"}""");
        await world.GoneAsync(Maps + "/other-uid", "/api/v1/namespaces/far/configmaps/across");
        await Eventually.HoldsAsync("what dangles is taken off", async () =>
            (await world.Api.GetAsync(Maps + "/half")).Body["metadata"]!["ownerReferences"]!.AsArray().Count == 1);
        foreach (var path in (string[])[Maps + "/of-node", Maps + "/unknown-kind", "/apis/storage.k8s.io/v1/storageclasses/wide"])
        {
            Assert.Equal(HttpStatusCode.OK, (await world.Api.GetAsync(path)).Code);
        }

        await world.Api.DeleteAsync("/api/v1/nodes/n");
        await world.GoneAsync(Maps + "/of-node");
    }

    [Fact]
    public async Task Two_that_own_each_other_do_not_wait_for_each_other()
    {
        await using var world = await World.StartAsync();
        var first = await world.CreateAsync(Maps, """{"metadata":{"name":"first"}}""");
        var second = await world.CreateAsync(Maps, $$$$"""{"metadata":{"name":"second","ownerReferences":[{{{{Owner("v1", "ConfigMap", "first", first)}}}}]}}""");
        await world.Api.MergeAsync(Maps + "/first", $$$$"""{"metadata":{"ownerReferences":[{{{{Owner("v1", "ConfigMap", "second", second)}}}}]}}""");
        await world.Api.DeleteAsync(Maps + "/first", """{"propagationPolicy":"Foreground"}""");
        await world.GoneAsync(Maps + "/first", Maps + "/second");
    }

    [Fact]
    public void An_owner_that_stays_in_one_namespace_is_none_in_another()
    {
        var noted = new List<string>();
        var graph = new OwnerGraph(noted.Add, _ => { });
        graph.Put(ApiResources.ConfigMaps, Owned("default", "near"));
        graph.NoteStays("o", "default", graph.ChangesOf("o"));
        graph.Put(ApiResources.ConfigMaps, Owned("far", "across"));
        graph.Put(ApiResources.ConfigMaps, Owned("default", "beside"));
        Assert.Equal(["near", "across"], noted);
        Assert.Equal((true, false), (graph.IsKnownToStay("o", "default"), graph.IsKnownToStay("o", "far")));

        static KubeObject Owned(string ns, string name) => KubeObject.Parse(System.Text.Encoding.UTF8.GetBytes($$$$"""
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{{name}}}}","namespace":"{{{{ns}}}}","uid":"{{{{name}}}}","resourceVersion":"1",
             "ownerReferences":[{{{{Owner("v1", "ConfigMap", "o", "o")}}}}]}}
            """));
    }

    [EnvtestFact]
    public async Task A_real_controller_manager_finalizes_a_namespace()
    {
        using var folder = new TempFolder();
        await using var host = await ApiHost.StartAsync(folder.Path, options: new EmbeddedApiOptions { DataDir = folder.Path, Controllers = ControllerSelection.Of(["-namespace"]) });
        var api = new ApiClient(host.Client());
        await api.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"left"}}""");
        await api.PostAsync("/api/v1/namespaces/left/configmaps", """{"metadata":{"name":"a"}}""");
        await api.PostAsync("/apis/apps/v1/namespaces/left/replicasets", $$$$"""{"metadata":{"name":"r"},"spec":{"replicas":0,{{{{Template}}}}}}""");
        await api.DeleteAsync("/api/v1/namespaces/left");
        using var manager = Process.Start(new ProcessStartInfo(
            Path.Combine(Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS")!, "kube-controller-manager"),
            ["--kubeconfig", host.WriteKubeconfig(folder.Path), "--controllers=namespace", "--leader-elect=false", "--secure-port=0", "--port=0"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            var log = manager.StandardError.ReadToEndAsync();
            var output = manager.StandardOutput.ReadToEndAsync();
            await Eventually.HoldsAsync("the namespace is gone", async () =>
                manager.HasExited || (await api.GetAsync("/api/v1/namespaces/left")).Code == HttpStatusCode.NotFound);
            Assert.False(manager.HasExited, manager.HasExited ? await log + await output : "");
        }
        finally
        {
            manager.Kill();
            await manager.WaitForExitAsync();
        }
    }

    private static string Owner(string version, string kind, string name, string uid) =>
        $$$$"""{"apiVersion":"{{{{version}}}}","kind":"{{{{kind}}}}","name":"{{{{name}}}}","uid":"{{{{uid}}}}","blockOwnerDeletion":true}""";

    /// <summary>The embedded API with nothing but the collector at work on it.</summary>
    private sealed class World(ApiHost host, TempFolder home, KubeClient client, GarbageCollector collector) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private Task _running = Task.CompletedTask;

        public ApiClient Api { get; } = new(host.Client());

        public static async Task<World> StartAsync()
        {
            var host = await ApiHost.StartAsync();
            var home = new TempFolder();
            var client = new KubeClient(KubeConfig.Load(host.WriteKubeconfig(home.Path)), TimeProvider.System);
            var collector = new GarbageCollector(client, new ControllersOptions(), TimeProvider.System, NullLogger<GarbageCollector>.Instance);
            var world = new World(host, home, client, collector);
            world._running = collector.RunAsync(world._stop.Token);
            return world;
        }

        /// <summary>The new object's UID.</summary>
        public async Task<string> CreateAsync(string path, string body)
        {
            var answer = await Api.PostAsync(path, body);
            Assert.True(answer.Code == HttpStatusCode.Created, answer.Message);
            return (string)answer.Body["metadata"]!["uid"]!;
        }

        public Task GoneAsync(params string[] paths) => Eventually.HoldsAsync($"{string.Join(", ", paths)} gone", async () =>
        {
            foreach (var path in paths)
            {
                if ((await Api.GetAsync(path)).Code != HttpStatusCode.NotFound)
                {
                    return false;
                }
            }

            return true;
        });

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            collector.Dispose();
            client.Dispose();
            _stop.Dispose();
            await host.DisposeAsync();
            home.Dispose();
        }
    }
}
