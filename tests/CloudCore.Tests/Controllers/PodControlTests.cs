using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class PodControlTests
{
    [Fact]
    public async Task An_adopted_pod_is_counted_before_the_cache_shows_whose_it_is()
    {
        await using var rig = await WorkloadRig.StartAsync(run: false);
        var pod = await rig.CreateAsync(ApiResources.Pods, """{"metadata":{"name":"mine","labels":{"app":"a"} },"spec":{"containers":[{"name":"c","image":"i"}]} }""");
        var owner = await rig.CreateAsync(ApiResources.ReplicaSets, """
            {"metadata":{"name":"r"},"spec":{"selector":{"matchLabels":{"app":"a"} },
             "template":{"metadata":{"labels":{"app":"a"} },"spec":{"containers":[{"name":"c","image":"i"}]} } } }
            """);
        var informers = new InformerSet(rig.Client, TimeProvider.System, null);
        var index = new PodIndex(informers.For(ApiResources.Pods), NullLogger.Instance);
        using var subscription = index.Start();
        using (var stop = CancellationTokenSource.CreateLinkedTokenSource(rig.Ct))
        {
            var running = informers.RunAsync(stop.Token);
            await informers.WaitForSyncAsync(rig.Ct);
            await stop.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        // the cache stands still from here on
        var control = new PodControl(rig.Client, index, new PodsInFlight(TimeProvider.System), ApiResources.ReplicaSets, NullLogger.Instance);
        await control.ClaimAsync(owner, new LabelSelector { MatchLabels = new Dictionary<string, string> { ["app"] = "a" } }, null, rig.Ct);
        Assert.Null(index.Get(NamespacedName.Of(pod))!.Controller);
        var counted = Assert.Single(control.Controlled(owner));
        Assert.Equal((pod.Uid, owner.Uid), (counted.Uid, counted.Controller!.Uid));
    }
}
