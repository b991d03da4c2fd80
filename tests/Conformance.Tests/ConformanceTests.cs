using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Conformance.Tests.Running;
using EdgeSync.TestKit;

namespace EdgeSync.Conformance.Tests;

/// <summary>Each case on both servers; see README.md.</summary>
[Collection(OnePairAtATime)]
[TestCaseOrderer("EdgeSync.Conformance.Tests.CasesFirst", "EdgeSync.Conformance.Tests")]
public sealed class ConformanceTests(ServerPair servers) : IClassFixture<ServerPair>
{
    /// <summary>Two pairs of servers at once are more than a small machine has room for.</summary>
    internal const string OnePairAtATime = "one pair of servers at a time";

    private const int LongestAnswer = 3000;

    public static TheoryData<string> Cases { get; } = [.. CaseFile.Names];

    [EnvtestTheory]
    [MemberData(nameof(Cases))]
    public async Task Both_servers_answer_alike(string name)
    {
        var file = CaseFile.Load(name);
        using var ours = new CaseRun(file, servers.Ours);
        using var kube = new CaseRun(file, servers.Kube);
        await CaseRun.MakeNamespacesAsync(ours, kube);
        var answers = await Task.WhenAll(Task.Run(ours.RunAsync), Task.Run(kube.RunAsync));
        var report = new StringBuilder();
        for (var i = 0; i < file.Steps.Count; i++)
        {
            var step = file.Steps[i];
            var different = Difference.Between(answers[0][i], answers[1][i]).Where(d => !servers.Allowed.Allows(name, step.Name, d)).ToList();
            if (different.Count > 0)
            {
                Describe(report, "Cases", file, step, different, answers[0][i], answers[1][i]);
            }
        }

        servers.MarkFinished(name);
        Assert.True(report.Length == 0, report.ToString());
    }

    [EnvtestFact]
    public void Every_allowed_difference_is_still_there()
    {
        var unused = servers.Allowed.Unused(CaseFile.Names, servers.Finished).ToList();
        Assert.True(unused.Count == 0, $"{AllowedDifferences.FilePath}: these lines allow nothing that is there; remove them: {string.Join(", ", unused)}");
    }

    /// <summary>What kube-apiserver writes in protobuf is read as the same in JSON, for everything that the cases create.</summary>
    [EnvtestFact]
    public async Task Protobuf_bodies_of_all_kinds_are_read_as_their_JSON()
    {
        var bodies = new ProtobufBodies(servers.Ours, servers.Kube);
        await bodies.CompareAllAsync();
        Assert.True(bodies.Problems.Count == 0, string.Join('\n', bodies.Problems));

        // that many came together when this was written: fewer would mean that the comparison has lost its objects
        Assert.InRange(bodies.Kinds.Count, 35, int.MaxValue);
        Assert.InRange(bodies.Compared, 200, int.MaxValue);
    }

    internal static void Describe(
        StringBuilder report, string folder, CaseFile file, CaseStep step, List<Difference> different, JsonNode ours, JsonNode kube)
    {
        report.AppendLine().AppendLine($"{folder}/{file.Name}.case:{step.Line} step '{step.Name}': {step.Action}");
        foreach (var difference in different.Take(40))
        {
            report.AppendLine($"  {Short(difference.ToString(), 400)}");
        }

        if (different.Count > 40)
        {
            report.AppendLine($"  … and {different.Count - 40} more");
        }

        report.AppendLine($" EdgeSync:   {Short(ours.ToJsonString(Readable.Compact), LongestAnswer)}");
        report.AppendLine($" Kubernetes: {Short(kube.ToJsonString(Readable.Compact), LongestAnswer)}");
    }

    private static string Short(string text, int length) => text.Length <= length ? text : $"{text[..length]}… ({text.Length} characters)";
}

/// <summary>The check of the allowed differences comes last: it looks at what the cases used.</summary>
public sealed class CasesFirst : Xunit.Sdk.ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : Xunit.Abstractions.ITestCase =>
        testCases.OrderBy(c => c.TestMethod.Method.Name == nameof(ConformanceTests.Every_allowed_difference_is_still_there) ? 1 : 0);
}
