using EdgeSync.CloudCore.Commands;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Commands;

/// <summary><c>cloudcore why</c> and <c>cloudcore nodes</c>: what they print, and how they fail.</summary>
public sealed class LedgerCommandsTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Nodes_stand_in_columns_and_those_away_with_why_they_left()
    {
        using var output = new StringWriter();
        NodesCommand.Render(
            new NodesAnswer
            {
                Now = s_now,
                Nodes =
                [
                    new NodeRow
                    {
                        Node = "edge-1",
                        State = "Connected",
                        Since = s_now.AddHours(-3),
                        LastHeard = s_now.AddSeconds(-4),
                        PendingObjects = 0,
                        PendingBytes = 0,
                        LagP50Seconds = 0.0042,
                        LagP99Seconds = 1.25,
                        BytesSent = 2_048,
                        BytesReceived = 5 << 20,
                        Dropped = 0,
                        Peer = "EdgeSync",
                        Agent = "0.1.0",
                    },
                    new NodeRow { Node = "edge-2", State = "Away", Since = s_now.AddMinutes(-2), LastHeard = s_now.AddMinutes(-2), LastDisconnect = "nothing was heard for 30 s" },
                ],
            },
            "",
            output);

        Assert.Equal(
            """
            NODE     LINK        SINCE   HEARD   PENDING   BYTES   LAG-P50   LAG-P99   SENT   RECEIVED   DROPPED   PEER       AGENT
            edge-1   Connected   3h0m    4s      0         0B      4.2ms     1.3s      2Ki    5Mi        0         EdgeSync   0.1.0
            edge-2   Away        2m0s    2m0s    -         -       -         -         0B     0B         -         -          -

            edge-2 left: nothing was heard for 30 s

            """,
            output.ToString());
    }

    [Fact]
    public void Why_stands_in_steps_with_the_reason_last()
    {
        using var output = new StringWriter();
        WhyCommand.Render(
            new WhyAnswer
            {
                Now = s_now,
                Kind = "Pod",
                Namespace = "default",
                Name = "web",
                Found = true,
                Version = "12",
                Uid = "0123456789ab",
                Nodes =
                [
                    new WhyNode
                    {
                        Node = "edge-7",
                        Stages = [new WhyStage { Stage = "wanted", Version = "12", Uid = "0123456789ab", At = s_now.AddSeconds(-90), Detail = "changed" }],
                        Reason = "node edge-7 last heard 3 h 12 m ago; 14 objects pending",
                    },
                ],
            },
            "",
            output);

        Assert.Equal(
            """
            Pod default/web, version 12, uid 01234567

            node edge-7
              STEP     VERSION   UID        TIME                   AGE     DETAIL
              wanted   12        01234567   2026-01-01T11:58:30Z   1m30s   changed
              why: node edge-7 last heard 3 h 12 m ago; 14 objects pending

            """,
            output.ToString());
    }

    [Fact]
    public async Task A_hub_that_does_not_run_and_a_folder_that_is_none_of_a_hub_are_told_apart()
    {
        var (noFolder, _, noFolderText) = await CloudCommand.RunAsync("nodes", "--data-dir", _folder.Path);
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);
        var (notRunning, _, notRunningText) = await CloudCommand.RunAsync("why", "pod/a", "--data-dir", _folder.Path);

        Assert.Equal((1, 1), (noFolder, notRunning));
        Assert.Contains("is not a hub's data folder", noFolderText, StringComparison.Ordinal);
        Assert.Contains($"no cloudcore runs on {_folder.Path}", notRunningText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("why", "pod")]
    [InlineData("why", "pod/")]
    [InlineData("why", "service/a")]
    [InlineData("why")]
    [InlineData("why", "a", "b", "c")]
    [InlineData("nodes", "-o", "yaml")]
    public async Task What_is_not_understood_ends_with_exit_code_2(params string[] args)
    {
        var (exitCode, output, error) = await CloudCommand.RunAsync(args);

        Assert.Equal((2, ""), (exitCode, output));
        Assert.StartsWith("cloudcore: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("why", "cloudcore why pod/web-7x2k")]
    [InlineData("nodes", "cloudcore nodes")]
    public async Task Help_has_examples(string command, string example) =>
        Assert.Contains(example, (await CloudCommand.RunAsync(command, "--help")).Output, StringComparison.Ordinal);
}
