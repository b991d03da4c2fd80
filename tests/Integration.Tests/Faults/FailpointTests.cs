using System.Reflection;
using EdgeSync.CloudCore;
using EdgeSync.EdgeCore;
using EdgeSync.Storage;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// Either program dies as by kill -9 at a durable step, for every step that has a name, while things change on both sides.
/// It is started again, and the ledger decides.
/// </summary>
public sealed class FailpointTests(ITestOutputHelper output, FailpointWorld shared) : IClassFixture<FailpointWorld>
{
    /// <summary>The seed of the normal suite's choice.</summary>
    private const int Chosen = 20260;

    /// <summary>
    /// Needs a hub that takes a connection for alive whose agent is gone: the kernel's goodbye, which it repeats, comes through
    /// as soon as the line is back.
    /// </summary>
    private static readonly string[] s_notReached = [HubFailpoints.SessionReplaced];

    public static TheoryData<string> AllAtTheEdge => [.. Names(typeof(EdgeFailpoints)), .. Names(typeof(StorageFailpoints))];

    public static TheoryData<string> AllAtTheHub =>
    [
        .. Names(typeof(HubFailpoints)).Except(EnrollmentFailpointTests.Own).Except(BackupTests.Own).Except(s_notReached),
        StorageFailpoints.BatchBegun, StorageFailpoints.BatchWritten, StorageFailpoints.BatchCommitted,
    ];

    /// <summary>A handful of both sides.</summary>
    public static TheoryData<string> Some
    {
        get
        {
            var random = new Random(Chosen);
            return
            [
                .. Names(typeof(EdgeFailpoints)).OrderBy(_ => random.Next()).Take(3),
                .. Names(typeof(HubFailpoints)).Except(EnrollmentFailpointTests.Own).Except(BackupTests.Own).Except(s_notReached).OrderBy(_ => random.Next()).Take(2),
            ];
        }
    }

    [FaultTheory]
    [MemberData(nameof(Some))]
    public Task Some_points_are_survived(string point) => RunAsync(point, point.StartsWith("hub.", StringComparison.Ordinal));

    [FaultTheory]
    [MemberData(nameof(AllAtTheEdge))]
    [Trait("Category", "Long")]
    public Task Every_point_of_the_agent_is_survived(string point) => RunAsync(point, atHub: false);

    [FaultTheory]
    [MemberData(nameof(AllAtTheHub))]
    [Trait("Category", "Long")]
    public Task Every_point_of_the_hub_is_survived(string point) => RunAsync(point, atHub: true);

    internal static IEnumerable<string> Names(Type list) =>
        list.GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!);

    private async Task RunAsync(string point, bool atHub)
    {
        var run = await shared.GetAsync(output);
        try
        {
            await new FailpointRun(run, point, atHub).RunAsync();
            await run.JudgeAsync(output, atHub ? "kill -9 of the hub" : "kill -9 of the agent", point, TimeSpan.FromSeconds(60));
        }
        catch
        {
            // the next point begins with a world of its own
            await shared.DropAsync();
            throw;
        }
    }
}
