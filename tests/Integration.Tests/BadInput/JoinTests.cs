using System.Diagnostics;
using System.Globalization;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.BadInput;

/// <summary>A join that cannot work ends with exit code 1 and a text that names the cause; it leaves the box as it was.</summary>
public sealed class JoinTests(ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task A_token_that_is_none_or_was_changed_or_has_expired_is_refused_with_the_reason()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        var token = await world.Cloud.GetTokenAsync();
        var since = Stopwatch.StartNew();
        var brief = (await ProgramsCloud.CommandAsync("gettoken", "--data-dir", world.Cloud.DataFolder, "--ttl", "1s")).Expect().Trim();

        await FailsAsync(world, "certainly-no-token", "token");
        // the last but one: the last character of a base64 text may hold bits that nobody reads
        var changed = token[..^2] + (token[^2] == 'A' ? 'B' : 'A') + token[^1];
        await FailsAsync(world, changed, "token");
        await world.EventuallyAsync("the brief token has expired", () => Task.FromResult(since.Elapsed > TimeSpan.FromSeconds(3)));
        await FailsAsync(world, brief, "expired");
    }

    [EndToEndFact]
    public async Task A_token_of_another_hub_is_refused_before_anything_is_sent_to_this_one()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        var token = await world.Cloud.GetTokenAsync();
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        var foreign = new string('0', dot) + token[dot..];

        await FailsAsync(world, foreign, "CA");
    }

    [EndToEndFact]
    public async Task A_hub_that_is_not_there_is_named()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        var nowhere = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePort.Next()}");

        await FailsAsync(world, await world.Cloud.GetTokenAsync(), nowhere, nowhere);
    }

    [EndToEndFact]
    public async Task A_node_name_that_another_box_has_is_refused()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await using var other = new ProgramsEdge(new ProgramsEdgeSetup(EdgeWorld.NodeName, world.Runtime.Endpoint, world.Broker.Port));

        var result = await other.TryJoinAsync(world.Cloud.HubAddress, await world.Cloud.GetTokenAsync());

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(EdgeWorld.NodeName, result.Text, StringComparison.Ordinal);
    }

    [EndToEndFact]
    public async Task A_runtime_that_is_not_there_is_named()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        await using var edge = new ProgramsEdge(new ProgramsEdgeSetup("edge-2", "unix:///nonexistent/containerd.sock", world.Broker.Port));

        var result = await edge.TryJoinAsync(world.Cloud.HubAddress, await world.Cloud.GetTokenAsync());

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("/nonexistent/containerd.sock", result.Text, StringComparison.Ordinal);
    }

    [EndToEndFact]
    public async Task An_option_that_is_missing_or_unknown_ends_with_exit_code_2()
    {
        var missing = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, ["join", "--node-name=x"]);
        var unknown = await ProgramsCloud.CommandAsync("init", "--data-dirr", "/tmp/x");

        Assert.Equal(2, missing.ExitCode);
        Assert.Contains("--cloudcore-ipport", missing.Text, StringComparison.Ordinal);
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("--data-dirr", unknown.Text, StringComparison.Ordinal);
    }

    private static async Task FailsAsync(EdgeWorld world, string token, string named, string? hub = null)
    {
        var result = await world.Edge.TryJoinAsync(hub ?? world.Cloud.HubAddress, token);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(named, result.Text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at EdgeSync", result.Text, StringComparison.Ordinal);
    }
}
