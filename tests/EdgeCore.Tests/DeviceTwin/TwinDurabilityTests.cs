using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.DeviceTwin;

/// <summary>What was acknowledged stays: across ends of the agent and of the broker, and with none there at all.</summary>
public sealed class TwinDurabilityTests
{
    [MosquittoFact]
    public async Task An_update_that_was_published_while_the_agent_was_down_is_applied_when_it_is_back()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Agent.DisposeAsync();
        await rig.PublishUpdateAsync("temperature", "18");
        await rig.StartAgentAsync();
        await Eventually.HoldsAsync("the value from the time without an agent", () => rig.Agent.Reported("thermo-1", "temperature") == "18");
    }

    [MosquittoFact]
    public async Task None_of_1500_acknowledged_updates_is_lost_when_the_agent_is_cut_off()
    {
        await using var rig = await TwinRig.StartedAsync();
        for (var d = 0; d < 15; d++)
        {
            await rig.Agent.PutDeviceAsync($"d{d}", $"uid-d{d}");
        }

        // 15 devices with 100 properties each, so that each update leaves a trace of its own; 40 of each come while the
        // agent goes down and after that
        var cut = new TaskCompletionSource();
        var publishing = Enumerable.Range(0, 15).Select(d => rig.Broker.PublishAsync(TwinAgent.Topic($"d{d}", "twin/update"), Updates(d))).ToList();
        await Eventually.HoldsAsync("some updates are applied", () => rig.Agent.Twins.Accepted > 50);
        var ending = rig.Agent.DisposeAsync();
        cut.SetResult();
        await ending;
        await Task.WhenAll(publishing);

        await rig.StartAgentAsync();
        await Eventually.HoldsAsync("all 1,500 values", () => Enumerable.Range(0, 1500).All(i =>
            rig.Agent.Reported($"d{i / 100}", $"p{i % 100}") == $"{i / 100}-{i % 100}"));

        async IAsyncEnumerable<string> Updates(int device)
        {
            for (var p = 0; p < 100; p++)
            {
                if (p == 60)
                {
                    await cut.Task;
                }

                yield return TwinAgent.Update($"p{p}", $"{device}-{p}");
            }
        }
    }

    [MosquittoFact]
    public async Task The_agent_starts_without_a_broker_and_connects_when_it_comes()
    {
        await using var rig = await TwinRig.WithoutBrokerAsync();
        await Eventually.HoldsAsync("the device is known", () => rig.Agent.Twin("thermo-1") is not null);
        Assert.False(rig.Agent.Mqtt.IsConnected);
        await rig.Broker.StartAsync();
        await rig.Agent.ConnectedAsync();
        await rig.PublishUpdateAsync("temperature", "19");
        await Eventually.HoldsAsync("the value", () => rig.Agent.Reported("thermo-1", "temperature") == "19");
    }

    [MosquittoFact]
    public async Task A_restarted_broker_is_found_again_and_delivers_what_it_kept()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Broker.StopAsync();
        await Eventually.HoldsAsync("the loss is noticed", () => !rig.Agent.Mqtt.IsConnected);
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1", ("setpoint", "22"));
        await rig.Broker.StartAsync();
        using var apps = await rig.Broker.SubscribeAsync(TwinAgent.Topic("thermo-1", "twin/update/#"));
        await rig.Agent.ConnectedAsync();
        await rig.PublishUpdateAsync("temperature", "20");
        await Eventually.HoldsAsync("the value", () => rig.Agent.Reported("thermo-1", "temperature") == "20");
        await apps.WaitAsync(TwinAgent.Topic("thermo-1", "twin/update/result"));
    }

    [MosquittoFact]
    public async Task Twins_are_there_after_a_restart_of_the_agent_with_their_versions()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1", ("setpoint", "22"));
        await rig.PublishUpdateAsync("temperature", "20");
        await rig.PublishUpdateAsync("temperature", "20");
        await Eventually.HoldsAsync("the second update", () => rig.Agent.Twin("thermo-1")?.Properties.GetValueOrDefault("temperature")?.Actual.Version.Edge == 2);
        var before = rig.Agent.Twin("thermo-1")!;
        await rig.Agent.DisposeAsync();
        await rig.StartAgentAsync();
        var after = rig.Agent.Twin("thermo-1")!;
        Assert.Equal(before.Properties.OrderBy(p => p.Key), after.Properties.OrderBy(p => p.Key));
        Assert.Equal(before.Uid, after.Uid);
    }

    [MosquittoFact]
    public async Task A_device_that_was_deleted_and_created_again_starts_with_an_empty_twin_even_if_the_agent_was_down_meanwhile()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.PublishUpdateAsync("temperature", "20");
        await Eventually.HoldsAsync("the value", () => rig.Agent.Reported("thermo-1", "temperature") == "20");
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-2");
        await Eventually.HoldsAsync("the new incarnation", () => rig.Agent.Twin("thermo-1")?.Uid == "uid-2");
        Assert.Empty(rig.Agent.Twin("thermo-1")!.Properties);

        await rig.PublishUpdateAsync("temperature", "21");
        await Eventually.HoldsAsync("the value", () => rig.Agent.Reported("thermo-1", "temperature") == "21");
        await rig.Agent.Bus.StopAsync(CancellationToken.None);
        await rig.Agent.Twins.StopAsync(CancellationToken.None);
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-3");
        await rig.Agent.DisposeAsync();
        await rig.StartAgentAsync();
        await Eventually.HoldsAsync("the third incarnation", () => rig.Agent.Twin("thermo-1")?.Uid == "uid-3");
        Assert.Empty(rig.Agent.Twin("thermo-1")!.Properties);
    }
}
