using System.Diagnostics;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>
/// A fleet on two replicas of the hub on a real cluster, whose own controllers make the pods: a change to all, the leader killed in the middle of one, and all links
/// cut at once. Nothing may be lost by it, and the cluster may take no node for lost.
/// </summary>
internal sealed class ReplicasCase(FleetTable table, int edges)
{
    /// <summary>More than these and their control plane have no room on a small machine.</summary>
    public const int MostEdges = 2000;

    private const string Settings = "settings";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    public async Task RunAsync()
    {
        await using var world = await ReplicaFleet.StartAsync();
        Add("all in step, s", await world.Hollow.OpenAsync(0, edges, s_limit));
        await SharesAsync(world);

        await world.Api.CreateConfigMapAsync(Settings, "first-it");
        Add("DaemonSet created: every node has stored its pod, s", await world.Hollow.SpreadAsync("pod", "mark-one", edges, () => world.Api.CreateDaemonSetAsync("app", Settings, "mark-one"), s_limit));
        await Eventually.HoldsAsync("the DaemonSet is rolled out", async () => await world.Api.DaemonSetAsync("app") == (edges, edges), s_limit);
        Add("ConfigMap changed: every node has stored it, s", await world.Hollow.SpreadAsync("configmap", "second-it", edges, () => world.Api.ChangeConfigMapAsync(Settings, "second-it"), s_limit));

        var leader = await world.Api.LeaderAsync();
        var led = Task.FromResult(0d);
        Add("the leader killed and the ConfigMap changed: every node has stored it, s", await world.Hollow.SpreadAsync(
            "configmap", "third-it", edges,
            async () =>
            {
                await world.First.KillAsync();
                led = LedAsync(world, leader);
                await world.Api.ChangeConfigMapAsync(Settings, "third-it");
            },
            s_limit));
        table.Add(Figure("the other replica leads, s after the kill"), await led);
        await SharesAsync(world);

        await world.First.StartAsync();
        Add("both again, all cut and back at once: all in step, s", await world.Hollow.StormAsync(s_limit));
        await SharesAsync(world);
        Add("ConfigMap changed once more: every node has stored it, s", await world.Hollow.SpreadAsync("configmap", "fourth-it", edges, () => world.Api.ChangeConfigMapAsync(Settings, "fourth-it"), s_limit));
        table.Add(Figure("nodes that the cluster took for lost, ever", most: 0), await world.Api.NodesLostAsync());
    }

    private void Add(string what, Spread spread)
    {
        table.Add(Figure(what), spread.Count == edges ? spread.Last : double.PositiveInfinity);
        table.Note(FormattableString.Invariant($"{spread.Count} of {edges}; half {spread.Half:0.00} s, 99 % {spread.Most:0.00} s"));
    }

    private static async Task<double> LedAsync(ReplicaFleet world, string before)
    {
        var start = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync("the other replica leads", async () => await world.Api.LeaderAsync() is { Length: > 0 } now && now != before, s_limit);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>How many nodes each has by the cluster's word, which must be all.</summary>
    private async Task SharesAsync(ReplicaFleet world)
    {
        var counts = await world.Hollow.CountsAsync();
        var shares = await world.Api.NodesByReplicaAsync();
        var split = string.Join(", ", shares.Select(share => FormattableString.Invariant($"{share.Key} {share.Value}")));
        var resident = string.Join(", ", new[] { world.First, world.Second }.Where(hub => hub.IsRunning).Select(hub => FormattableString.Invariant($"{Footprint.Of(hub.Pid).ResidentMiB:0}")));
        table.Note(FormattableString.Invariant($"nodes by replica: {split}; {counts.Connected} edges connected, {counts.Held} objects held; resident {resident} MiB"));
    }

    private FleetFigure Figure(string what, double? most = null) => new(FormattableString.Invariant($"two replicas, {edges} edges: {what}"), AtMost: most);
}
