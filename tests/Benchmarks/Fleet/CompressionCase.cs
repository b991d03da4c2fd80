using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>
/// What permessage-deflate costs the hub and saves the links: the same fleet without it and with it, one after the other in one run,
/// idle and with a configuration of <see cref="Bytes"/> bytes that all of it holds and that changes.
/// </summary>
internal sealed class CompressionCase(FleetTable table, int edges, TimeSpan idle)
{
    /// <summary>More say nothing more; both fleets have to be made.</summary>
    public const int MostEdges = 2000;

    private const int Bytes = 32 * 1024;
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    public async Task RunAsync()
    {
        await RunAsync(compresses: false, "without compression");
        await RunAsync(compresses: true, "with compression");
    }

    private async Task RunAsync(bool compresses, string how)
    {
        await using var world = await FleetWorld.StartAsync(compresses);
        await world.OpenAsync(0, 50, s_limit);
        await Task.Delay(s_settle);
        var before = Footprint.Of(world.Cloud.Pid).ResidentMiB;
        await world.OpenAsync(50, edges - 50, s_limit);
        await Task.Delay(s_settle);
        var quiet = await world.Hollow.CountsAsync();
        var cpu = await ProcessCost.CpuPercentAsync(world.Cloud.Pid, idle);
        var counts = await world.Hollow.CountsAsync();
        Add($"{how}: resident for each session, KB", (Footprint.Of(world.Cloud.Pid).ResidentMiB - before) * 1024 / (edges - 50));
        Add($"{how}: idle, % of a core", cpu);
        Add($"{how}: a quiet hour of a node, KB", (counts.Bytes - quiet.Bytes) / 1024.0 / edges * (TimeSpan.FromHours(1) / idle));
        await world.Api.CreateConfigMapAsync("settings", "first");
        await world.Api.CreateDaemonSetAsync("app", "settings", "mark");
        await Eventually.HoldsAsync("the DaemonSet is rolled out", async () => await world.Api.DaemonSetAsync("app") == (edges, edges), s_limit);
        await Eventually.HoldsAsync("nothing is pending", async () => await world.Api.PendingAsync() == 0, s_limit);
        var (sent, used) = ((await world.Hollow.CountsAsync()).Bytes, ProcessCost.CpuSeconds(world.Cloud.Pid));
        var spread = await world.Hollow.SpreadAsync("configmap", "after-it", edges, () => world.Api.ChangeConfigMapAsync("settings", "after-it", Bytes), s_limit);
        await Eventually.HoldsAsync("nothing is pending", async () => await world.Api.PendingAsync() == 0, s_limit);
        Add($"{how}: {Bytes / 1024} KB changed, all have stored it, s", spread.Count == edges ? spread.Last : double.PositiveInfinity);
        Add($"{how}:   the hub's processor time, s", ProcessCost.CpuSeconds(world.Cloud.Pid) - used);
        Add($"{how}:   on each link, KB", ((await world.Hollow.CountsAsync()).Bytes - sent) / 1024.0 / edges);
        Add($"{how}: resident for each session after it, KB", (Footprint.Of(world.Cloud.Pid).ResidentMiB - before) * 1024 / (edges - 50));
    }

    private void Add(string what, double value) => table.Add(new FleetFigure($"{edges} edges {what}"), value);
}
