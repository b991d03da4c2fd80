using EdgeSync.Conformance.Tests.Running;
using EdgeSync.TestKit;

namespace EdgeSync.Conformance.Tests;

/// <summary>Each workload case on both control planes; see README.md.</summary>
[Collection(ConformanceTests.OnePairAtATime)]
[TestCaseOrderer("EdgeSync.Conformance.Tests.CasesInOrder", "EdgeSync.Conformance.Tests")]
public sealed class WorkloadTests(WorkloadPair pair) : IClassFixture<WorkloadPair>
{
    public static TheoryData<string> Cases { get; } = [.. WorkloadPair.Names];

    [EnvtestTheory]
    [MemberData(nameof(Cases))]
    public async Task Both_control_planes_come_to_the_same(string name)
    {
        var report = await pair.ReportAsync(name);
        Assert.True(report.Length == 0, report);
    }

    [EnvtestFact]
    public void Every_allowed_difference_is_still_there()
    {
        var unused = pair.Allowed.Unused(WorkloadPair.Names, pair.Finished).ToList();
        Assert.True(unused.Count == 0, $"{WorkloadPair.DifferencesFile}: these lines allow nothing that is there; remove them: {string.Join(", ", unused)}");
    }
}

/// <summary>Those that run alone after those that run side by side; the check of the allowed differences comes last.</summary>
public sealed class CasesInOrder : Xunit.Sdk.ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : Xunit.Abstractions.ITestCase
    {
        var ordered = testCases.OrderBy(c => NameOf(c) is not { } name ? 2 : WorkloadPair.IsAlone(name) ? 1 : 0)
            .ThenBy(c => c.DisplayName, StringComparer.Ordinal).ToList();
        WorkloadPair.Wanted = [.. ordered.Select(NameOf).OfType<string>()];
        return ordered;
    }

    private static string? NameOf<TTestCase>(TTestCase testCase)
        where TTestCase : Xunit.Abstractions.ITestCase => testCase.TestMethodArguments is [string name, ..] ? name : null;
}
