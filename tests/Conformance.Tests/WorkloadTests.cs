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

/// <summary>In the order of their names, since those that come next are begun ahead; the check of the allowed differences comes last.</summary>
public sealed class CasesInOrder : Xunit.Sdk.ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : Xunit.Abstractions.ITestCase =>
        testCases.OrderBy(c => c.TestMethod.Method.Name == nameof(WorkloadTests.Every_allowed_difference_is_still_there) ? 1 : 0)
            .ThenBy(c => c.DisplayName, StringComparer.Ordinal);
}
