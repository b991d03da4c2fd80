using System.Globalization;
using EdgeSync.Integration.Tests.World;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>kubectl top of a real node and its pods.</summary>
[Collection(StreamTests.Name)]
public sealed class TopTests(StreamWorld streams)
{
    [EndToEndTheory]
    [KubectlVersions]
    public async Task Nodes_and_pods_have_figures(string version)
    {
        var nodes = (await streams.KubectlAsync(version, "top", "nodes", "--no-headers")).Expect().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("edge-1", nodes[0]);
        Assert.InRange(Number(nodes[1], "m"), 1, 1_000_000);
        Assert.InRange(Number(nodes[3], "Mi"), 10, 10_000_000);

        var pods = (await streams.KubectlAsync(version, "top", "pods", "--no-headers")).Expect().Split('\n');
        Assert.Equal(["app", "crash", "shell"], pods.Select(line => line.Split(' ')[0]));

        var containers = (await streams.KubectlAsync(version, "top", "pod", "app", "--containers", "--no-headers")).Expect().Split('\n');
        Assert.Equal(2, containers.Length);
        Assert.All(containers, line => Assert.StartsWith("app ", line, StringComparison.Ordinal));
    }

    [EndToEndFact]
    public async Task A_busy_container_is_seen_as_such()
    {
        using var busy = streams.Start("new", "exec", "app", "-c", "main", "--", "sh", "-c", "while :; do :; done");
        try
        {
            await streams.World.EventuallyAsync("the busy pod stands out", async () =>
            {
                var line = (await streams.KubectlAsync("new", "top", "pod", "app", "--no-headers")).Output.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return line.Length > 2 && Number(line[1], "m") > 20;
            });
        }
        finally
        {
            busy.Kill();
            await busy.WaitForExitAsync();
        }

        // the loop goes on when its terminal is gone; it ends with the test
        await streams.KubectlAsync("new", "exec", "app", "-c", "main", "--", "sh", "-c", "kill $(ps | grep 'while :; do :; done' | grep -v grep | awk '{print $1}')");
    }

    private static long Number(string text, string unit)
    {
        Assert.EndsWith(unit, text, StringComparison.Ordinal);
        return long.Parse(text[..^unit.Length], CultureInfo.InvariantCulture);
    }
}
