using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EdgeSync.CloudCore.Ledger;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore nodes</c>: the link to each node.</summary>
internal static class NodesCommand
{
    private static readonly string[] s_header =
        ["NODE", "LINK", "SINCE", "HEARD", "PENDING", "BYTES", "LAG-P50", "LAG-P99", "SENT", "RECEIVED", "DROPPED", "PEER", "AGENT"];

    private static readonly string[] s_wide = ["CONNECTS", "LAST-DISCONNECT"];

    public static Command Create(CloudCoreParts parts)
    {
        var dataDir = CloudCoreCommands.RunningDataDirOption();
        var output = CloudCoreCommands.OutputOption("json", "wide");
        var command = new Command(
            "nodes",
            """
            Shows the link to each node: since when it is connected or away, when it was last heard, the objects that it
            does not hold yet, and how long changes take to be acknowledged. "-" is what this hub does not know.

            Examples:
              cloudcore nodes
              cloudcore nodes --data-dir /srv/hub -o wide
              cloudcore nodes -o json | jq '.nodes[] | select(.pendingObjects > 0) | .node'
            """)
        {
            dataDir,
            output,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var answer = await HubQuestion.AskAsync(
                result.GetRequiredValue(dataDir), "/nodes", LedgerJson.Default.NodesAnswer, cancellationToken);
            Render(answer, result.GetRequiredValue(output), result.InvocationConfiguration.Output);
            return 0;
        });
        return command;
    }

    internal static void Render(NodesAnswer answer, string form, TextWriter output)
    {
        if (form == "json")
        {
            output.WriteLine(JsonSerializer.Serialize(answer, LedgerJson.Indented.NodesAnswer));
            return;
        }

        if (answer.Nodes.Count == 0)
        {
            output.WriteLine("No node has joined.");
            return;
        }

        var wide = form == "wide";
        TextTable.Write(
            output,
            wide ? [.. s_header, .. s_wide] : s_header,
            [.. answer.Nodes.Select(n => (IReadOnlyList<string>)(wide ? [.. Cells(n, answer.Now), .. WideCells(n)] : Cells(n, answer.Now)))]);
        if (!wide)
        {
            WriteReasons(answer, output);
        }
    }

    /// <summary>Why nodes are away does not fit a column and is what is asked first.</summary>
    private static void WriteReasons(NodesAnswer answer, TextWriter output)
    {
        foreach (var there in answer.Nodes.Where(n => n.State == "Elsewhere").GroupBy(n => n.Replica))
        {
            output.WriteLine();
            output.WriteLine($"{there.Count()} of these are at another replica, {there.Key}: ask there for their figures");
        }

        var away = answer.Nodes.Where(n => n.State == "Away" && n.LastDisconnect is not null).ToList();
        if (away.Count > 0)
        {
            output.WriteLine();
            foreach (var node in away)
            {
                output.WriteLine($"{node.Node} left: {node.LastDisconnect}");
            }
        }
    }

    private static string[] Cells(NodeRow node, DateTimeOffset now) =>
    [
        node.Node,
        node.State,
        node.Since is { } since ? Ago.Column(now - since) : "-",
        node.LastHeard is { } heard ? Ago.Column(now - heard) : "-",
        node.PendingObjects?.ToString(CultureInfo.InvariantCulture) ?? "-",
        node.PendingBytes is { } bytes ? Bytes(bytes) : "-",
        Lag(node.LagP50Seconds),
        Lag(node.LagP99Seconds),
        Bytes(node.BytesSent),
        Bytes(node.BytesReceived),
        node.Dropped?.ToString(CultureInfo.InvariantCulture) ?? "-",
        node.Peer ?? "-",
        node.Agent ?? "-",
    ];

    private static string[] WideCells(NodeRow node) => [node.Connects.ToString(CultureInfo.InvariantCulture), node.LastDisconnect ?? "-"];

    private static string Lag(double? seconds) => seconds switch
    {
        null => "-",
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.#}ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.#}s"),
    };

    internal static string Bytes(long bytes) => bytes switch
    {
        < 1 << 10 => $"{bytes}B",
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#}Ki"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#}Mi"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.#}Gi"),
    };
}
