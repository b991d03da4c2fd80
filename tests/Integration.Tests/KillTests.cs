using System.Globalization;
using EdgeSync.Integration.Tests.World;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>kill -9 of either program at any moment while objects change; a failing run's seed is in its output.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Applications = 3;

    [EndToEndFact]
    public Task Six_kills_while_objects_change_leave_both_sides_agreeing() => RunAsync(rounds: 6, seed: 20260105);

    [EndToEndFact]
    [Trait("Category", "Long")]
    public Task Fifty_kills_while_objects_change_leave_both_sides_agreeing() => RunAsync(rounds: 50, seed: Environment.TickCount);

    private async Task RunAsync(int rounds, int seed)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        await using var world = await EdgeWorld.StartAsync(output);
        var wanted = Enumerable.Range(0, Applications).Select(i => new TestDaemonSet($"app-{i}")).ToArray();
        foreach (var daemonSet in wanted)
        {
            await world.RunDaemonSetAsync(daemonSet);
        }

        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await world.Kubectl.ApplyAsync(new TestDevice("meter").ToYaml());
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "meter") is not null);
        var value = "";
        for (var round = 0; round < rounds; round++)
        {
            var changes = ChangeAsync(world, wanted, random.Next(), round);
            await KillOneAsync(world, random);
            value = await changes;
        }

        await AgreeAsync(world, wanted, value);
    }

    /// <summary>Three changes, each repeated until the API or the broker has acknowledged it.</summary>
    private static async Task<string> ChangeAsync(EdgeWorld world, TestDaemonSet[] wanted, int seed, int round)
    {
        var random = new Random(seed);
        var which = random.Next(wanted.Length);
        wanted[which] = wanted[which] with { Mode = $"mode-{round}" };
        var other = random.Next(wanted.Length);
        wanted[other] = wanted[other] with { Level = $"level-{round}" };
        await AcknowledgedAsync(world, wanted[which].ToYaml());
        await AcknowledgedAsync(world, wanted[other].ToYaml());
        await world.Mqtt.ReportAsync("default", "meter", ("p0", $"value-{round}"));
        return $"value-{round}";
    }

    private static Task<TimeSpan> AcknowledgedAsync(EdgeWorld world, string yaml) => world.EventuallyAsync(
        "the API takes a change", async () => (await world.Kubectl.TryApplyAsync(yaml)).Succeeded);

    private static async Task KillOneAsync(EdgeWorld world, Random random)
    {
        await Task.Delay(random.Next(800)); // the random moment: what the test is about, not a wait for something
        if (random.Next(2) == 0)
        {
            await world.Cloud.KillAsync();
            await world.Cloud.StartAsync();
        }
        else
        {
            await world.Edge.KillAsync();
            world.Edge.Start();
        }
    }

    private static async Task AgreeAsync(EdgeWorld world, TestDaemonSet[] wanted, string value)
    {
        foreach (var daemonSet in wanted)
        {
            await world.EventuallyAsync($"{daemonSet.Name} runs once, as last applied", async () =>
                await world.Pods.EnvironmentAsync(daemonSet.Name, "MODE") == daemonSet.Mode
                && await world.Pods.ReadFileAsync(daemonSet.Name, "/etc/settings/level") == daemonSet.Level);
            await world.PodIsRunningAsync(daemonSet.Name);
            Assert.Single(await world.Pods.RunningAsync(daemonSet.Name));
        }

        await world.EventuallyAsync("the API has the last reading", async () => await world.ReportedAsync("meter", "p0") == value);
        var pods = await world.Kubectl.PathAsync("{.items[*].metadata.name}", "pods");
        Assert.Equal(wanted.Length, pods.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length);
    }
}
