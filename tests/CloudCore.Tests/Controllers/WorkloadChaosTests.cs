using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>
/// Deployments, StatefulSets, Jobs and the scheduler under lost, doubled and reordered notes and a link that loses requests and answers: they end in
/// the same state, and no work of a Job is done twice.
/// </summary>
public sealed class WorkloadChaosTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Lost_doubled_and_reordered_notes_and_a_bad_link_lead_to_the_same_state(int seed)
    {
        var notes = new ChaosTests.ScrambledNotes(seed);
        var options = new ControllersOptions
        {
            NodeMonitorGracePeriod = TimeSpan.FromHours(1),
            ResyncPeriod = TimeSpan.FromMilliseconds(300),
            Deliver = notes.Deliver,
        };
        await using var rig = await WorkloadRig.StartAsync(options, connect: config => ChaosTests.BadLink.Connect(config, seed));
        rig.Outcome = pod => pod.View(KubernetesJson.Default.Pod).Metadata.Labels!["app"] == "work" ? """{"phase":"Succeeded"}""" : null;
        await rig.AddNodeAsync("n0");
        await rig.AddNodeAsync("n1", cpu: "1");
        await rig.CreateAsync(ApiResources.Jobs, """
            {"metadata":{"name":"work"},"spec":{"completions":12,"parallelism":3,
             "template":{"metadata":{"labels":{"app":"work"}},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}
            """);
        await rig.CreateAsync(ApiResources.Deployments, """
            {"metadata":{"name":"web"},"spec":{"replicas":4,"selector":{"matchLabels":{"app":"web"}},
             "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"a:0","resources":{"requests":{"cpu":"100m"}}}]}}}}
            """);
        await rig.CreateAsync(ApiResources.StatefulSets, """
            {"metadata":{"name":"data"},"spec":{"replicas":2,"serviceName":"data","selector":{"matchLabels":{"app":"data"}},
             "template":{"metadata":{"labels":{"app":"data"}},"spec":{"containers":[{"name":"c","image":"a:0","resources":{"requests":{"cpu":"100m"}}}]}}}}
            """);
        var random = new Random(seed);
        for (var step = 1; step <= 12; step++)
        {
            await DisturbAsync(rig, random, step);
        }

        await rig.PatchAsync(ApiResources.Deployments, "web", """{"spec":{"replicas":5,"template":{"spec":{"containers":[{"name":"c","image":"a:last"}]}}}}""");
        await rig.PatchAsync(ApiResources.StatefulSets, "data", """{"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"c","image":"a:last"}]}}}}""");
        await rig.HoldsAsync("all is as asked for", async () => await IsSettledAsync(rig, notes), seconds: 90);

        // a pod that was made twice for one piece of work would have succeeded too
        Assert.Equal(12, rig.Pods.Snapshot().Count(pod => pod.View(KubernetesJson.Default.Pod).Metadata.Labels!["app"] == "work"));
        Assert.True(notes.Lost > 10, $"only {notes.Lost} notes were lost");
    }

    private static async Task DisturbAsync(WorkloadRig rig, Random random, int step)
    {
        var web = rig.Alive("web");
        switch (random.Next(6))
        {
            case 0:
                await rig.PatchAsync(ApiResources.Deployments, "web", $$$$"""{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"a:{{{{step}}}}"}]} } } }""");
                break;
            case 1:
                await rig.PatchAsync(ApiResources.Deployments, "web", $$$"""{"spec":{"replicas":{{{random.Next(1, 8)}}}} }""");
                break;
            case 4:
                await rig.PatchAsync(ApiResources.StatefulSets, "data", $$$$"""{"spec":{"replicas":{{{{random.Next(1, 4)}}}},"template":{"spec":{"containers":[{"name":"c","image":"a:{{{{step}}}}"}]} } } }""");
                break;
            case 2 when web.Count > 0:
                try
                {
                    await rig.Client.DeleteAsync(ApiResources.Pods, "default", web[random.Next(web.Count)].Name.Name, null, rig.Ct);
                }
                catch (ApiException e) when (e.IsNotFound)
                {
                    // the controllers were faster
                }

                break;
            default:
                // let the controllers get somewhere: until one more pod is there or went
                var before = rig.Pods.Snapshot().Count;
                await Task.WhenAny(rig.HoldsAsync("a change", () => rig.Pods.Snapshot().Count != before, seconds: 1));
                break;
        }
    }

    private static async Task<bool> IsSettledAsync(WorkloadRig rig, ChaosTests.ScrambledNotes notes)
    {
        notes.FlushOne();
        var web = rig.Alive("web");
        var images = rig.Pods.Snapshot().Select(pod => pod.View(KubernetesJson.Default.Pod))
            .Where(pod => pod.Metadata.Labels!["app"] == "web").Select(pod => pod.Spec.Containers[0].Image).Distinct();
        var job = await rig.GetAsync(ApiResources.Jobs, "work");
        var deployment = await rig.GetAsync(ApiResources.Deployments, "web");
        var set = await rig.GetAsync(ApiResources.StatefulSets, "data");
        var members = rig.Alive("data");
        var memberImages = rig.Pods.Snapshot().Select(pod => pod.View(KubernetesJson.Default.Pod))
            .Where(pod => pod.Metadata.Labels!["app"] == "data").Select(pod => pod.Spec.Containers[0].Image).Distinct();
        return members.Select(pod => pod.Name.Name).Order(StringComparer.Ordinal).SequenceEqual(["data-0", "data-1", "data-2"])
            && members.All(pod => pod.IsReady) && memberImages.SequenceEqual(["a:last"])
            && (int?)set!["status"]!["updatedReplicas"] == 3 && (string?)set["status"]!["currentRevision"] == (string?)set["status"]!["updateRevision"]
            && web.Count == 5 && web.All(pod => pod.IsReady) && images.SequenceEqual(["a:last"])
            && (int?)deployment!["status"]!["availableReplicas"] == 5 && (int?)deployment["status"]!["updatedReplicas"] == 5
            && (int?)job!["status"]!["succeeded"] == 12 && job["status"]!["completionTime"] is not null;
    }
}
