using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.World;

/// <summary>What the other tests see through: a rig that looks wrong would make them all lie.</summary>
public sealed class RigTests
{
    [ContainerdFact]
    public async Task Containers_are_seen_by_name_with_their_files_and_environment_until_they_are_killed()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        var pods = new EdgePods(runtime);
        // runc keeps its containers by id in one place for the whole machine
        var id = "rig-" + Guid.NewGuid().ToString("N");
        await runtime.CtrAsync(
            "-n", "k8s.io", "run", "-d", "--label", "io.kubernetes.container.name=app", "--env", "MODE=first",
            ContainerdRig.BusyboxImage, id, "sleep", "1000");

        Assert.Equal(id, await pods.OneAsync("app"));
        Assert.Empty(await pods.RunningAsync("ap"));
        Assert.Equal("first", await pods.EnvironmentAsync("app", "MODE"));
        Assert.Contains("root", await pods.ReadFileAsync("app", "/etc/passwd"), StringComparison.Ordinal);

        await pods.KillAsync("app");
        await Eventually.HoldsAsync("it is gone", async () => (await pods.RunningAsync("app")).Count == 0);
    }

    [EndToEndFact]
    public async Task Messages_arrive_in_order_on_the_topic_that_they_were_published_to()
    {
        await using var broker = await MosquittoBroker.StartedAsync();
        var topic = ProgramsMqtt.TwinTopic("default", "meter") + "/update";
        using var subscriber = await broker.SubscribeAsync(topic, topic + "/delta");

        await broker.PublishAsync(topic, Enumerable.Range(0, 200).Select(i => $"{{\"n\": {i}}}"));
        await new ProgramsMqtt(broker).PublishAsync(topic + "/delta", "");

        await subscriber.WaitAsync(topic + "/delta");
        Assert.Equal([.. Enumerable.Range(0, 200).Select(i => $"{{\"n\": {i}}}")], subscriber.On(topic));
    }
}
