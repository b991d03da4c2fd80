using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>Bad links between the real programs.</summary>
public sealed class LinkTests(ITestOutputHelper output)
{
    private const string Group = "link";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);

    public static TheoryData<string> Faults => [.. LinkFaults.All.Keys];

    [FaultFact]
    public Task A_link_that_flaps_and_loses_much_loses_nothing() => RunAsync(
        "flapping each second, 20 % loss", seed: 20261, async run =>
        {
            for (var i = 0; i < 4; i++)
            {
                await LinkFaults.HoldAsync(run.World.Link, LinkConditions.Down, 1);
                await LinkFaults.HoldAsync(run.World.Link, new LinkConditions { Loss = 0.2, Delay = TimeSpan.FromMilliseconds(20) }, 1);
            }
        });

    [FaultTheory]
    [MemberData(nameof(Faults))]
    [Trait("Category", "Long")]
    public Task Whatever_the_link_does_nothing_is_lost_stale_or_twice(string fault) =>
        RunAsync(fault, Environment.TickCount, run => LinkFaults.All[fault](run.World.Link));

    [FaultFact]
    public Task A_hub_that_comes_back_at_another_address_of_its_name_is_found() => RunAsync(
        "the hub moves to another address", seed: 20262, async run =>
        {
            await run.World.Cloud.KillAsync();
            await run.World.Link.MoveCloudAsync();
            run.World.Names.Address = EmulatedLink.OtherCloudAddress;
            await run.World.Cloud.StartAsync();
        });

    [FaultFact]
    [Trait("Category", "Long")]
    public Task A_hub_whose_address_vanishes_without_a_word_is_found_at_its_new_one() => RunAsync(
        "the hub's address changes under open connections", seed: 20263, async run =>
        {
            await run.World.Link.MoveCloudAsync();
            run.World.Names.Address = EmulatedLink.OtherCloudAddress;
            await LinkFaults.LastsAsync(5);
        });

    private async Task RunAsync(string fault, int seed, Func<FaultRun, Task> during)
    {
        await using var run = await FaultRun.StartAsync(output, seed);
        var link = run.World.Link;
        await run.DuringAsync(async () =>
        {
            await during(run);
            link.Set(LinkConditions.Clean);
        });
        output.WriteLine($"packets: {link.Passed} carried, {link.Lost} lost");
        await run.JudgeAsync(Group, fault, s_limit);
    }
}
