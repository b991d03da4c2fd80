using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore why</c>: where an object is on its way to its nodes, and why it is not further.</summary>
internal static class WhyCommand
{
    private const int ShortUid = 8;

    public static Command Create(CloudCoreParts parts)
    {
        var dataDir = CloudCoreCommands.RunningDataDirOption();
        var ns = new Option<string>("--namespace", "-n")
        {
            Description = "The object's namespace. Default: default.",
            HelpName = "NAMESPACE",
            DefaultValueFactory = _ => "default",
        };
        var node = new Option<string?>("--node") { Description = "Only this node.", HelpName = "NODE" };
        var output = CloudCoreCommands.OutputOption("json");
        var what = new Argument<string[]>("what")
        {
            Description = $"KIND/NAME or KIND NAME; kinds: {WhyKinds.All}.",
            HelpName = "KIND/NAME",
            Arity = new ArgumentArity(1, 2),
        };
        var command = new Command(
            "why",
            """
            Says where an object is on its way to its nodes (wanted, sent, acknowledged, applied, running), and in one line
            why it is not further. Exit code 1 where there is no such object.

            Examples:
              cloudcore why pod/web-7x2k
              cloudcore why cm settings -n shop --node edge-7
              cloudcore why ds/fluentd -n logging
              cloudcore why device/boiler -o json
            """)
        {
            what, ns, node, output, dataDir,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var (kind, name) = Subject(result.GetRequiredValue(what));
            var query = $"/why?kind={Uri.EscapeDataString(kind)}&name={Uri.EscapeDataString(name)}&namespace={Uri.EscapeDataString(result.GetRequiredValue(ns))}"
                + (result.GetValue(node) is { } one ? $"&node={Uri.EscapeDataString(one)}" : "");
            var answer = await HubQuestion.AskAsync(result.GetRequiredValue(dataDir), query, LedgerJson.Default.WhyAnswer, cancellationToken);
            Render(answer, result.GetRequiredValue(output), result.InvocationConfiguration.Output);
            return answer.Found || answer.Nodes.Count > 0 ? 0 : 1;
        });
        return command;
    }

    internal static void Render(WhyAnswer answer, string form, TextWriter output)
    {
        if (form == "json")
        {
            output.WriteLine(JsonSerializer.Serialize(answer, LedgerJson.Indented.WhyAnswer));
            return;
        }

        var name = answer.Namespace is null ? answer.Name : $"{answer.Namespace}/{answer.Name}";
        output.WriteLine(answer.Found
            ? $"{answer.Kind} {name}, version {answer.Version}, uid {Short(answer.Uid)}"
            : $"{answer.Kind} {name}");
        if (answer.Note is not null)
        {
            output.WriteLine(answer.Note);
        }

        foreach (var node in answer.Nodes)
        {
            output.WriteLine();
            output.WriteLine(node.Object is null ? $"node {node.Node}" : $"{node.Object} on node {node.Node}");
            TextTable.Write(
                output, ["STEP", "VERSION", "UID", "TIME", "AGE", "DETAIL"], [.. node.Stages.Select(s => Cells(s, answer.Now))], "  ");
            output.WriteLine(node.Reason is null ? "  all is as it should be" : $"  why: {node.Reason}");
        }
    }

    private static (string Kind, string Name) Subject(string[] words)
    {
        var parts = words.Length == 2 ? words : words[0].Split('/', 2);
        if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
        {
            throw new CommandFailedException($"\"{words[0]}\" names no object: KIND/NAME or KIND NAME is wanted, as pod/web-7x2k", CommandShell.UsageError);
        }

        return WhyKinds.Find(parts[0]) is not null
            ? (parts[0], parts[1])
            : throw new CommandFailedException($"the kind \"{parts[0]}\" does not travel to nodes; known are {WhyKinds.All}", CommandShell.UsageError);
    }

    private static string[] Cells(WhyStage stage, DateTimeOffset now) =>
    [
        stage.Stage,
        stage.Version ?? "-",
        stage.Uid is null ? "-" : Short(stage.Uid),
        stage.At is { } at ? at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "-",
        stage.At is { } then ? Ago.Column(now - then) : "-",
        stage.Detail ?? "",
    ];

    private static string Short(string? uid) => uid is null ? "-" : uid.Length <= ShortUid ? uid : uid[..ShortUid];
}
