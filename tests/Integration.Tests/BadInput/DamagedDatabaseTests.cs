using System.Security.Cryptography;
using EdgeSync.Integration.Tests.World;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.BadInput;

/// <summary>A disk that lies: the agent's database is overwritten in places.</summary>
public sealed class DamagedDatabaseTests(ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task A_damaged_database_is_set_aside_the_pods_run_on_and_the_content_comes_from_the_hub()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.RunDaemonSetAsync(new TestDaemonSet("app") { Level = "debug" });
        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await world.Kubectl.ApplyAsync(new TestDevice("meter").ToYaml());
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "meter") is not null);
        await world.Mqtt.ReportAsync("default", "meter", ("p0", "42"));
        await world.EventuallyAsync("the API has the value", async () => await world.ReportedAsync("meter", "p0") == "42");
        var container = await world.Pods.OneAsync("app");
        await world.Edge.StopAsync();
        var database = world.Edge.DatabaseFile;
        var damaged = Damage(database);

        world.Edge.Start();
        await world.EventuallyAsync("the twin comes back", async () =>
            (await world.Edge.TwinAsync("default", "meter")).ToJsonString().Contains("\"42\"", StringComparison.Ordinal));

        var aside = Directory.GetFiles(Path.GetDirectoryName(database)!, Path.GetFileName(database) + ".damaged-*");
        Assert.Contains(aside, file => File.ReadAllBytes(file).AsSpan().SequenceEqual(damaged));
        await world.Kubectl.ApplyAsync((new TestDaemonSet("app") with { Level = "trace" }).ConfigMapYaml());
        await world.EventuallyAsync(
            "a change still arrives", async () => await world.Pods.ReadFileAsync("app", "/etc/settings/level") == "trace", TimeSpan.FromSeconds(90));
        Assert.Equal(container, await world.Pods.OneAsync("app"));
        await world.PodIsRunningAsync("app");
    }

    private static byte[] Damage(string database)
    {
        foreach (var side in new[] { database + "-wal", database + "-shm" }.Where(File.Exists))
        {
            File.Delete(side);
        }

        var content = File.ReadAllBytes(database);
        Assert.True(content.Length > 8192, "the database has no pages to damage");
        // past the header: SQLite opens the file and finds out only when it reads on
        RandomNumberGenerator.Fill(content.AsSpan(4096, content.Length - 4096));
        File.WriteAllBytes(database, content);
        return content;
    }
}
