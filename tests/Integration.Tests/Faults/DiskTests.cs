using System.Globalization;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>Disks that are full or slow, on either side.</summary>
public sealed class DiskTests(ITestOutputHelper output)
{
    private const string Group = "disk";
    private const int Mebibytes = 16;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [FaultFact]
    public async Task A_box_whose_disk_is_full_loses_nothing_and_recovers_by_itself()
    {
        await using var disk = await SmallDisk.MountAsync(Mebibytes);
        await using var run = await FaultRun.StartAsync(
            output, 20281, new FaultWorldSetup { EdgeFolder = Path.Combine(disk.Path, "edge") });
        await run.DuringAsync(() => FullAsync(disk));
        await run.JudgeAsync(Group, "full at the edge", s_limit);
        Assert.Contains("full", await File.ReadAllTextAsync(run.World.Edge.LogFile), StringComparison.Ordinal);
    }

    [FaultFact]
    [Trait("Category", "Long")]
    public async Task A_box_that_is_restarted_with_a_full_disk_runs_its_pods()
    {
        await using var disk = await SmallDisk.MountAsync(Mebibytes);
        await using var run = await FaultRun.StartAsync(
            output, 20282, new FaultWorldSetup { EdgeFolder = Path.Combine(disk.Path, "edge") });
        await run.DuringAsync(async () =>
        {
            disk.Fill();
            await run.World.Edge.KillAsync();
            run.World.Edge.Start();
            await FullAsync(disk);
        });
        Assert.Single(await run.World.World.Pods.RunningAsync(Workload.Holder));
        await run.JudgeAsync(Group, "full at the edge, agent restarted meanwhile", s_limit);
    }

    [FaultFact]
    public async Task A_hub_whose_disk_is_full_stays_readable_says_so_and_recovers_by_itself()
    {
        await using var disk = await SmallDisk.MountAsync(Mebibytes);
        await using var run = await FaultRun.StartAsync(
            output, 20283, new FaultWorldSetup { CloudFolder = Path.Combine(disk.Path, "cloud") });
        var refusals = new List<HttpRequestException>();
        await run.DuringAsync(async () =>
        {
            var full = FullAsync(disk);
            while (!full.IsCompleted)
            {
                try
                {
                    await run.World.Api.PutAsync("configmaps", Manifests.ConfigMap("full", 1, new string('x', 100_000)));
                    await Task.Delay(50);
                }
                catch (HttpRequestException e)
                {
                    refusals.Add(e);
                }

                Assert.NotNull(await run.World.Api.GetAsync("nodes", "edge-1"));
            }

            await full;
        });
        await run.World.Api.DeleteAsync("configmaps", "full");
        await run.JudgeAsync(Group, "full at the hub", s_limit);
        Assert.NotEmpty(refusals);
        Assert.All(refusals, r => Assert.Contains("\"kind\":\"Status\"", r.Message, StringComparison.Ordinal));
        Assert.All(refusals, r => Assert.Contains("full", r.Message, StringComparison.Ordinal));
    }

    [SlowDiskFact]
    [Trait("Category", "Long")]
    public Task A_box_whose_disk_takes_long_for_each_flush_loses_nothing() => SlowAsync("50 ms for each flush at the edge", atHub: false);

    [SlowDiskFact]
    [Trait("Category", "Long")]
    public Task A_hub_whose_disk_takes_long_for_each_flush_loses_nothing() => SlowAsync("50 ms for each flush at the hub", atHub: true);

    /// <summary>Full for some seconds, also of what is freed meanwhile; then room again.</summary>
    private static async Task FullAsync(SmallDisk disk)
    {
        for (var i = 0; i < 50; i++)
        {
            disk.Fill();
            await LinkFaults.LastsAsync(0.1);
        }

        disk.Free();
    }

    private async Task SlowAsync(string fault, bool atHub)
    {
        await using var run = await FaultRun.StartAsync(output, 20284);
        var world = run.World;
        // -D: strace is the child, so that the program keeps the process that was started
        string[] slow =
        [
            "strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
            "-e", string.Create(CultureInfo.InvariantCulture, $"inject=fsync,fdatasync:delay_exit={50_000}"),
        ];
        await run.DuringAsync(async () =>
        {
            if (atHub)
            {
                await world.Cloud.StopAsync();
                world.Cloud.Place = world.Cloud.Place with { Through = [.. slow] };
                await world.Cloud.StartAsync();
            }
            else
            {
                await world.Edge.StopAsync();
                world.Edge.Place = world.Edge.Place with { Through = [.. slow] };
                world.Edge.Start();
            }

            await LinkFaults.LastsAsync(15);
        });
        await run.JudgeAsync(Group, fault, s_limit);
    }
}

/// <summary>A fault test that needs strace to hold system calls up.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SlowDiskFactAttribute : FactAttribute
{
    public SlowDiskFactAttribute() => Skip =
        FaultFactAttribute.WhyNot() ?? (ProgramsCommand.Exists("strace") ? null : "strace is not installed");
}
