using System.Globalization;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// The table of faults and verdicts, written where EDGESYNC_FAULT_TABLE says: each test enters its own rows, so that a run
/// of some tests renews theirs and leaves the others. Without the variable nothing is written.
/// </summary>
internal static class FaultTable
{
    private const string Variable = "EDGESYNC_FAULT_TABLE";
    private const string Heading = "| group | fault | changes accepted | lost | stale | twice | converged after |";

    public static void Enter(string group, string fault, Outcome outcome)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } file)
        {
            return;
        }

        var key = $"| {group} | {fault} |";
        var row = string.Create(
            CultureInfo.InvariantCulture,
            $"{key} {outcome.Accepted} | {outcome.Findings.Lost.Count} | {outcome.Findings.Stale.Count} | {outcome.Findings.Twice.Count} | {outcome.Converged.TotalSeconds:0.0} s |");
        var before = File.Exists(file) ? File.ReadAllLines(file) : [];
        var rows = before.Where(l => l.StartsWith("| ", StringComparison.Ordinal) && l != Heading && !l.StartsWith("| ---", StringComparison.Ordinal) && !l.StartsWith(key, StringComparison.Ordinal))
            .Append(row).Order(StringComparer.Ordinal);
        File.WriteAllText(file, $"""
            # Faults and verdicts

            Made by the fault tests (`tests/Integration.Tests/Faults`); do not edit. To make it anew:

                EDGESYNC_FAULT_TABLE=$PWD/docs/faults.md ./test.sh --long --project Integration.Tests --filter FullyQualifiedName~Faults

            In each row the real cloudcore and edgecore run while ConfigMaps, Secrets, pods, wishes and readings change on both
            sides and the fault happens. Then a ledger of all that was accepted (API: success; broker: PUBACK) is compared with
            the API, the API with the agent's SQLite, and both with what runs in containerd. *Lost*: accepted and missing.
            *Stale*: an older state than the last accepted, something deleted that is there, or a reported value that
            stepped back in a watch. *Twice*: a container that runs more than once, or was restarted. *Converged after*: from the
            end of the fault until nothing was found.

            {Heading}
            | --- | --- | ---: | ---: | ---: | ---: | ---: |
            {string.Join('\n', rows)}

            """);
    }
}
