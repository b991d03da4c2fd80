using System.Diagnostics;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>A DaemonSet to the whole fleet, its change, and the change of a ConfigMap that every node holds.</summary>
internal sealed class FanOutCase(FleetTable table, int edges)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);

    public async Task RunAsync(FleetWorld world)
    {
        await world.Api.CreateConfigMapAsync("settings", "before-it");
        table.Note(FormattableString.Invariant($"{edges} edges are connected"));
        await MeasureAsync(world, "DaemonSet created: every node has stored its pod, s", "pod", "mark-one", () => world.Api.CreateDaemonSetAsync("app", "settings", "mark-one"), 5);
        await RolledOutAsync(world);
        await MeasureAsync(world, "ConfigMap changed: every node has stored it, s", "configmap", "after-it", () => world.Api.ChangeConfigMapAsync("settings", "after-it"), 5);
        await MeasureAsync(world, "DaemonSet's template changed: every node has stored its new pod, s", "pod", "mark-two", () => world.Api.ChangeDaemonSetAsync("app", "settings", "mark-two"), 5);
        await RolledOutAsync(world);
    }

    private async Task MeasureAsync(FleetWorld world, string what, string type, string mark, Func<Task> change, double target)
    {
        var cpu = ProcessCost.CpuSeconds(world.Cloud.Pid);
        var spread = await world.Hollow.SpreadAsync(type, mark, edges, change, s_limit);
        table.Add(new FleetFigure($"{edges} edges: {what}", AtMost: target), spread.Count == edges ? spread.Last : double.PositiveInfinity);
        table.Note(FormattableString.Invariant(
            $"{spread.Count} of {edges}; half {spread.Half:0.00} s, 99 % {spread.Most:0.00} s; the hub's processor time {ProcessCost.CpuSeconds(world.Cloud.Pid) - cpu:0.00} s"));
    }

    private async Task RolledOutAsync(FleetWorld world)
    {
        var start = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync("the DaemonSet is rolled out", async () => await world.Api.DaemonSetAsync("app") == (edges, edges), s_limit);
        await Eventually.HoldsAsync("nothing is pending", async () => await world.Api.PendingAsync() == 0, s_limit);
        table.Note(FormattableString.Invariant($"all ready in the API {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s later"));
    }
}
