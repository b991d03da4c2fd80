using System.Security.Cryptography;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>Database files that are damaged, or deleted, while their program runs and while it does not.</summary>
public sealed class DatabaseTests(ITestOutputHelper output)
{
    private const string Group = "database file";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_exitLimit = TimeSpan.FromSeconds(30);

    [FaultFact]
    [Trait("Category", "Long")]
    public Task The_agents_file_damaged_while_it_is_stopped_comes_again_from_the_hub() => StoppedAsync(
        "the agent's, damaged while stopped", Damage);

    [FaultFact]
    [Trait("Category", "Long")]
    public Task The_agents_file_deleted_while_it_is_stopped_comes_again_from_the_hub() => StoppedAsync(
        "the agent's, deleted while stopped", Delete);

    [FaultFact]
    [Trait("Category", "Long")]
    public async Task The_agents_file_deleted_while_it_runs_is_noticed_and_nothing_is_lost()
    {
        await using var run = await FaultRun.StartAsync(output, 20291);
        var edge = run.World.Edge;
        await run.DuringAsync(async () =>
        {
            Delete(edge.DatabaseFile);
            Assert.Equal(1, await edge.ExitAsync(s_exitLimit));
            edge.Start();
        });
        await run.JudgeAsync(Group, "the agent's, deleted while running", s_limit);
    }

    [FaultFact]
    public async Task The_hubs_file_deleted_while_it_runs_is_noticed_and_nothing_is_lost()
    {
        await using var run = await FaultRun.StartAsync(output, 20292);
        var cloud = run.World.Cloud;
        await run.DuringAsync(async () =>
        {
            Delete(cloud.DatabaseFile);
            Assert.Equal(1, await cloud.ExitAsync(s_exitLimit));
            await cloud.StartAsync();
        });
        await run.JudgeAsync(Group, "the hub's, deleted while running", s_limit);
        Assert.Contains("was deleted or renamed while it was in use", await File.ReadAllTextAsync(cloud.LogFile), StringComparison.Ordinal);
    }

    [FaultTheory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Category", "Long")]
    public async Task A_hub_without_its_database_refuses_to_start_and_says_what_to_do(bool deleted)
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await cloud.StopAsync();
        (deleted ? (Action<string>)Delete : Damage)(cloud.DatabaseFile);
        cloud.Launch();

        Assert.Equal(1, await cloud.ExitAsync(s_exitLimit));
        var said = await File.ReadAllTextAsync(cloud.LogFile);
        Assert.Contains(cloud.DatabaseFile, said, StringComparison.Ordinal);
        Assert.Contains("restore it from a backup", said, StringComparison.Ordinal);
    }

    private static void Delete(string database)
    {
        foreach (var suffix in (string[])["", "-wal", "-shm"])
        {
            File.Delete(database + suffix);
        }
    }

    private static void Damage(string database)
    {
        File.Delete(database + "-wal");
        File.Delete(database + "-shm");
        var content = File.ReadAllBytes(database);
        RandomNumberGenerator.Fill(content.AsSpan(4096));
        File.WriteAllBytes(database, content);
    }

    /// <summary>What waited in the outbox goes with the file: so all is first brought together.</summary>
    private async Task StoppedAsync(string fault, Action<string> spoil)
    {
        await using var run = await FaultRun.StartAsync(output, 20293);
        await run.DuringAsync(() => LinkFaults.LastsAsync(3));
        await run.JudgeAsync(Group, "none (before " + fault + ")", s_limit);
        await run.World.Edge.StopAsync();
        await run.DuringAsync(async () =>
        {
            spoil(run.World.Edge.DatabaseFile);
            run.World.Edge.Start();
            await LinkFaults.LastsAsync(2);
        });
        await run.JudgeAsync(Group, fault, s_limit);
    }
}
