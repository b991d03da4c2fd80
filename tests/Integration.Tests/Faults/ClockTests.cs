using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>A box without a battery for its clock: any time of day at boot, and jumps when somebody sets it.</summary>
public sealed class ClockTests(ITestOutputHelper output)
{
    private const string Group = "the box's clock";

    private static readonly TimeSpan s_year = TimeSpan.FromDays(365);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [ClockFact]
    public Task A_box_whose_clock_is_a_year_behind_joins_connects_and_agrees() => WrongAsync("a year behind, from join on", -s_year);

    [ClockFact]
    [Trait("Category", "Long")]
    public Task A_box_whose_clock_is_a_year_ahead_joins_connects_and_agrees() => WrongAsync("a year ahead, from join on", s_year);

    [ClockFact]
    [Trait("Category", "Long")]
    public Task A_box_whose_clock_is_twenty_years_behind_joins_connects_and_agrees() =>
        WrongAsync("twenty years behind, from join on", -20 * s_year);

    [ClockFact]
    [Trait("Category", "Long")]
    public async Task A_clock_that_jumps_while_things_change_disturbs_nothing()
    {
        using var clock = new FakeClock(TimeSpan.Zero);
        await using var run = await FaultRun.StartAsync(output, 20271, new FaultWorldSetup { EdgePlace = clock.At });
        await run.DuringAsync(async () =>
        {
            foreach (var years in (int[])[1, -1, 0, -1, 1, 0])
            {
                clock.Set(years * s_year);
                await LinkFaults.LastsAsync(3);
            }
        });
        await run.JudgeAsync(Group, "jumps by a year, both ways, while running", s_limit);
    }

    [ClockFact]
    [Trait("Category", "Long")]
    public async Task After_jumps_the_link_comes_back_as_fast_as_without()
    {
        using var clock = new FakeClock(TimeSpan.Zero);
        await using var run = await FaultRun.StartAsync(output, 20272, new FaultWorldSetup { EdgePlace = clock.At });
        await run.DuringAsync(async () =>
        {
            await run.World.Cloud.KillAsync();
            clock.Set(-s_year);
            await LinkFaults.LastsAsync(1);
            clock.Set(s_year);
            await run.World.Cloud.StartAsync();
        });
        await run.JudgeAsync(Group, "jumps while the hub is away", TimeSpan.FromSeconds(10));
    }

    private async Task WrongAsync(string fault, TimeSpan offset)
    {
        using var clock = new FakeClock(offset);
        await using var run = await FaultRun.StartAsync(output, 20273, new FaultWorldSetup { EdgePlace = clock.At });
        await run.DuringAsync(async () =>
        {
            await LinkFaults.LastsAsync(2);
            await run.World.Edge.KillAsync();
            run.World.Edge.Start();
            await LinkFaults.LastsAsync(3);
        });
        await run.JudgeAsync(Group, fault, s_limit);
    }
}

/// <summary>A fault test that needs a clock of its own for a program.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClockFactAttribute : FactAttribute
{
    public ClockFactAttribute() => Skip = FaultFactAttribute.WhyNot() ?? FakeClock.WhyNot();
}
