using EdgeSync.Integration.Tests.World;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>kubectl logs of pods on a real node.</summary>
[Collection(StreamTests.Name)]
public sealed class LogTests(StreamWorld streams)
{
    [EndToEndTheory]
    [KubectlVersions]
    public async Task Logs_are_the_containers_own_lines_with_every_option(string version)
    {
        // the 200 lines of its first moment are older than what "--since=2s" asks for, below
        var all = "";
        await streams.World.EventuallyAsync("it has ticked for a while", async () =>
            (all = (await streams.KubectlAsync(version, "logs", "app", "-c", "main")).Expect()).Split('\n').Count(line => line.StartsWith("tick ", StringComparison.Ordinal)) > 20);

        // two pipes: where the line of the error output falls among those of the other is not said
        var lines = all.Split('\n').ToList();
        Assert.True(lines.Remove("to-stderr"));
        Assert.Equal(Enumerable.Range(1, 200).Select(i => $"line {i}"), lines.Take(200));

        var tail = (await streams.KubectlAsync(version, "logs", "app", "-c", "main", "--tail=3")).Expect();
        Assert.Equal(3, tail.Split('\n').Length);
        Assert.All(tail.Split('\n'), line => Assert.StartsWith("tick ", line, StringComparison.Ordinal));

        // the bytes as they came: which line is first, and so whether the tenth byte ends it, is not said either
        Assert.Equal(all[..10], (await streams.KubectlAsync(version, "logs", "app", "-c", "main", "--limit-bytes=10")).Output);

        var stamped = (await streams.KubectlAsync(version, "logs", "app", "-c", "main", "--timestamps", "--tail=1")).Expect();
        Assert.True(DateTimeOffset.UtcNow - DateTimeOffset.Parse(stamped.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) < TimeSpan.FromMinutes(1), stamped);

        var recent = (await streams.KubectlAsync(version, "logs", "app", "-c", "main", "--since=2s")).Expect();
        Assert.DoesNotContain("line 1\n", recent, StringComparison.Ordinal);
        Assert.InRange(recent.Split('\n').Length, 1, 60);

        var sinceTime = DateTimeOffset.UtcNow.AddHours(1).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal("", (await streams.KubectlAsync(version, "logs", "app", "-c", "main", "--since-time=" + sinceTime)).Expect());
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task Followed_logs_come_as_they_are_written(string version)
    {
        using var kubectl = streams.Start(version, "logs", "-f", "app", "-c", "main", "--tail=1");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            for (var i = 0; i < 8; i++)
            {
                Assert.StartsWith("tick ", await kubectl.StandardOutput.ReadLineAsync(limit.Token), StringComparison.Ordinal);
            }
        }
        finally
        {
            kubectl.Kill();
            await kubectl.WaitForExitAsync();
        }
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task The_log_of_the_life_before_is_there_with_previous(string version)
    {
        await streams.World.EventuallyAsync(
            "the container lives again", async () => (await streams.KubectlAsync(version, "logs", "crash")).Output == "the second life\n");

        Assert.Equal("the first life", (await streams.KubectlAsync(version, "logs", "crash", "-p")).Expect());
        Assert.Contains(
            "previous terminated container \"main\" in pod \"shell\" not found", (await streams.KubectlAsync(version, "logs", "shell", "-p")).Error, StringComparison.Ordinal);
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task What_cannot_be_is_said_in_Kubernetes_words(string version)
    {
        await ExpectAsync("container nope is not valid for pod app", "logs", "app", "-c", "nope");
        await ExpectAsync("pods \"nope\" not found", "logs", "nope");
        await ExpectAsync("tailLines: Invalid value", "get", "--raw", "/api/v1/namespaces/default/pods/app/log?container=main&tailLines=-1");
        await ExpectAsync(
            "a container name must be specified for pod app, choose one of: [main web]", "get", "--raw", "/api/v1/namespaces/default/pods/app/log");

        async Task ExpectAsync(string message, params string[] arguments)
        {
            var result = await streams.KubectlAsync(version, arguments);
            Assert.NotEqual(0, result.ExitCode);
            Assert.Contains(message, result.Error, StringComparison.Ordinal);
        }
    }
}
