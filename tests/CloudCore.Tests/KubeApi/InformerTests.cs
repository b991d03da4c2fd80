using System.Text;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.KubeApi;

/// <summary>Has a cluster of its own, because it restarts it.</summary>
public sealed class InformerTests : IClassFixture<EnvtestCluster>, IDisposable
{
    private readonly EnvtestCluster _cluster;
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromMinutes(3));
    private KubeClient? _client;

    public InformerTests(EnvtestCluster cluster) => _cluster = cluster;

    private KubeClient Client => _client ??= new KubeClient(KubeConfig.Load(_cluster.Kubeconfig), TimeProvider.System);

    public void Dispose()
    {
        _client?.Dispose();
        _stop.Dispose();
    }

    [EnvtestFact]
    public async Task An_informer_survives_a_restarted_api_without_a_lost_or_ghost_object()
    {
        var informer = new Informer(
            Client, ApiResources.ConfigMaps, new InformerOptions { LabelSelector = "t=1" }, TimeProvider.System, NullLogger.Instance);
        await CreateAsync("before");
        var run = informer.RunAsync(_stop.Token);
        await informer.WaitForSyncAsync(_stop.Token);
        var mirror = new HashSet<string>();
        using var subscription = informer.Subscribe(change =>
        {
            // a change out of step (a double add, a delete of nothing) fails here
            Assert.True(change.New is null ? mirror.Remove(change.Name.Name) : change.Old is not null || mirror.Add(change.Name.Name));
        });
        Assert.Equal(["before"], mirror);
        await CreateAsync("kept");
        await CreateAsync("removed");
        await Eventually.HoldsAsync("three objects seen", () => informer.Snapshot().Count == 3);

        await _cluster.StopAsync();
        await _cluster.StartAsync();
        using (var other = new KubeClient(KubeConfig.Load(_cluster.Kubeconfig), TimeProvider.System))
        {
            await other.DeleteAsync(ApiResources.ConfigMaps, "default", "removed", null, _stop.Token);
            await CreateAsync("after");
        }

        await Eventually.HoldsAsync("the changes around the restart seen", () => Names(informer).SetEquals(["before", "kept", "after"]));
        Assert.Equal(["after", "before", "kept"], mirror.Order());
        Assert.False(run.IsCompleted);
        await _stop.CancelAsync();
        await run;
    }

    [EnvtestFact]
    public async Task A_replaced_store_with_earlier_versions_is_listed_anew()
    {
        using var own = new EnvtestCluster();
        await own.StartAsync();
        try
        {
            using var client = new KubeClient(KubeConfig.Load(own.Kubeconfig), TimeProvider.System);
            var informer = new Informer(client, ApiResources.ConfigMaps, new InformerOptions { LabelSelector = "t=1" }, TimeProvider.System, NullLogger.Instance);
            for (var i = 0; i < 300; i++)
            {
                await CreateAsync($"old{i}", client);
            }

            var run = informer.RunAsync(_stop.Token);
            await informer.WaitForSyncAsync(_stop.Token);
            Assert.Equal(300, informer.Snapshot().Count);

            await own.StopAsync();
            own.WipeStore();
            await own.StartAsync();
            await CreateAsync("new", client);

            await Eventually.HoldsAsync("only the new store's object", () => Names(informer).SetEquals(["new"]));
            await _stop.CancelAsync();
            await run;
        }
        finally
        {
            await own.StopAsync();
        }
    }

    private static HashSet<string> Names(Informer informer) => [.. informer.Snapshot().Select(value => value.Name)];

    private Task CreateAsync(string name) => CreateAsync(name, Client);

    private async Task CreateAsync(string name, KubeClient client)
    {
        var body = Encoding.UTF8.GetBytes($$$"""{"metadata":{"labels":{"t":"1"},"name":"{{{name}}}"}}""");
        await Eventually.HoldsAsync($"{name} created", async () =>
        {
            await client.CreateAsync(ApiResources.ConfigMaps, "default", body, _stop.Token);
            return true;
        });
    }
}
