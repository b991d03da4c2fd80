using System.Text.RegularExpressions;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Metrics;

/// <summary>The alert rules that ship, judged by Prometheus' own tool.</summary>
public sealed partial class AlertRulesTests
{
    private static readonly string s_rules = Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "alerts.yaml");

    [PromtoolFact]
    public async Task Each_rule_is_valid() =>
        Assert.Contains("SUCCESS", (await ProgramsCommand.RunAsync("promtool", ["check", "rules", s_rules])).Expect(), StringComparison.Ordinal);

    [PromtoolFact]
    public async Task Each_rule_fires_where_it_should_and_not_before()
    {
        // a test file names its rules relative to itself
        using var folder = new TempFolder();
        File.Copy(s_rules, folder.File("alerts.yaml"));
        var tests = folder.File("alerts.test.yaml");
        File.Copy(Path.Combine(ProgramsLocation.Root, "tests", "Integration.Tests", "Metrics", "alerts.test.yaml"), tests);

        (await ProgramsCommand.RunAsync("promtool", ["test", "rules", tests])).Expect();

        var text = await File.ReadAllTextAsync(tests);
        Assert.All(Alert().Matches(await File.ReadAllTextAsync(s_rules)).Select(m => m.Groups[1].Value), alert =>
            Assert.Matches($@"alertname: {alert}\n\s+exp_alerts:", text));
    }

    [Fact]
    public async Task The_rules_ask_only_for_metrics_that_are_described()
    {
        var described = await File.ReadAllTextAsync(Path.Combine(ProgramsLocation.Root, "docs", "metrics.md"));
        var asked = Metric().Matches(await File.ReadAllTextAsync(s_rules)).Select(m => Regex.Replace(m.Value, "_bucket$", "")).Distinct().ToList();

        Assert.NotEmpty(asked);
        Assert.All(asked, name => Assert.Matches($@"\| `{name}(\{{\w+\}})?` \|", described));
    }

    [GeneratedRegex(@"- alert: (\w+)")]
    private static partial Regex Alert();

    [GeneratedRegex(@"edgesync_\w+")]
    private static partial Regex Metric();
}
