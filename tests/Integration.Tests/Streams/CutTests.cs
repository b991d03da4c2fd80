using System.Diagnostics;
using EdgeSync.Integration.Tests.World;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>Streams of a node whose link goes, of many at once, and of readers that do not read.</summary>
[Collection(StreamTests.Name)]
public sealed class CutTests(StreamWorld streams)
{
    [EndToEndTheory]
    [KubectlVersions]
    public async Task A_cut_in_the_middle_ends_exec_and_logs_with_an_error_and_all_works_again_on_return(string version)
    {
        using var exec = streams.Start(version, "exec", "app", "-c", "main", "--", "sh", "-c", "echo begun; sleep 1000");
        using var logs = streams.Start(version, "logs", "-f", "app", "-c", "main", "--tail=1");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Assert.Equal("begun", await exec.StandardOutput.ReadLineAsync(limit.Token));
        Assert.StartsWith("tick ", await logs.StandardOutput.ReadLineAsync(limit.Token), StringComparison.Ordinal);

        var clock = Stopwatch.StartNew();
        await streams.Link.CutAsync();
        var errors = exec.StandardError.ReadToEndAsync(limit.Token);
        var rest = logs.StandardOutput.ReadToEndAsync(limit.Token);
        await exec.WaitForExitAsync(limit.Token);
        await logs.WaitForExitAsync(limit.Token);

        Assert.NotEqual(0, exec.ExitCode);
        Assert.Contains("edge-1", await errors, StringComparison.Ordinal);
        Assert.NotEqual(0, logs.ExitCode);
        await rest;
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(25), $"it took {clock.Elapsed}");

        // while it is away it is said at once, and since when
        await streams.World.EventuallyAsync(
            "the hub knows that the node is away",
            async () => (await streams.KubectlAsync(version, "logs", "app", "-c", "main")).Error.Contains("not connected", StringComparison.Ordinal));
        clock.Restart();
        var away = await streams.KubectlAsync(version, "logs", "app", "-c", "main");
        Assert.NotEqual(0, away.ExitCode);
        Assert.Contains("node edge-1 is not connected: it was last heard", away.Error, StringComparison.Ordinal);
        Assert.Contains("node edge-1 is not connected", (await streams.KubectlAsync(version, "exec", "app", "-c", "main", "--", "true")).Error, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"it took {clock.Elapsed}");

        streams.Link.Restore();
        await streams.World.EventuallyAsync(
            "exec works again", async () => (await streams.KubectlAsync(version, "exec", "app", "-c", "main", "--", "echo", "back")).Output == "back\n");
    }

    [EndToEndFact]
    public async Task Twenty_streams_at_once_each_have_their_own_bytes()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            streams.KubectlAsync("new", "exec", "app", "-c", "main", "--", "sh", "-c", $"yes {i} | head -n 20000")));

        for (var i = 0; i < results.Length; i++)
        {
            var lines = results[i].Expect().Split('\n');
            Assert.Equal(20000, lines.Length);
            Assert.All(lines, line => Assert.Equal($"{i}", line));
        }
    }

    [EndToEndFact]
    public async Task A_reader_that_does_not_read_holds_up_nobody_else_and_takes_no_more_memory()
    {
        // both programs hand out what they hold only when they must: what is compared is what a gigabyte would have to lie in
        var before = (Cloud: Memory(streams.World.Cloud.Pid), Edge: Memory(streams.World.Edge.Pid));
        using var stalled = streams.Start("new", "exec", "app", "-c", "main", "--", "sh", "-c", "dd if=/dev/zero bs=1M count=1024");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await stalled.StandardOutput.ReadAsync(new char[1], limit.Token); // it flows, and then nobody reads
            for (var i = 0; i < 5; i++)
            {
                var clock = Stopwatch.StartNew();
                Assert.Equal("quick", (await streams.KubectlAsync("new", "exec", "app", "-c", "main", "--", "echo", "quick")).Expect());
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"it took {clock.Elapsed}");
            }

            var after = (Cloud: Memory(streams.World.Cloud.Pid), Edge: Memory(streams.World.Edge.Pid));
            Assert.True(after.Cloud - before.Cloud < 100 << 20, $"cloudcore grew from {before.Cloud} to {after.Cloud} bytes");
            Assert.True(after.Edge - before.Edge < 100 << 20, $"edgecore grew from {before.Edge} to {after.Edge} bytes");
        }
        finally
        {
            stalled.Kill();
            await stalled.WaitForExitAsync();
        }
    }

    private static long Memory(int pid) => Process.GetProcessById(pid).WorkingSet64;
}
