using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>One change end to end: from the call to the API to the commit at the edge, durable on both sides.</summary>
internal sealed class LatencyCase(FleetTable table, int samples)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);
    private const int Warm = 50;
    private const string Node = "hollow-00000";

    public async Task RunAsync()
    {
        await using var world = await FleetWorld.StartAsync();
        await world.Hollow.DoAsync($"agents 0 1", s_limit);
        await world.Api.CreateConfigMapAsync("settings", "0");
        await world.Hollow.SpreadAsync("configmap", "\"0\"", 1, () => world.Api.CreatePodAsync("app", Node, ["settings"]), s_limit);
        var taken = new List<double>();
        for (var i = 0; i < samples + Warm; i++)
        {
            var mark = string.Create(CultureInfo.InvariantCulture, $"mark-{i}-end");
            var spread = await world.Hollow.SpreadAsync("configmap", mark, 1, () => world.Api.ChangeConfigMapAsync("settings", mark), s_limit);
            if (i >= Warm)
            {
                taken.Add(spread.Last * 1000);
            }
        }

        var sorted = taken.Order().ToArray();
        table.Add(new FleetFigure("one change, API call to the edge's commit: p50, ms"), sorted[samples / 2]);
        table.Add(new FleetFigure("  p99, ms", AtMost: 20), sorted[(int)Math.Ceiling(samples * 0.99) - 1]);
        await Eventually.HoldsAsync("nothing is pending", async () => await world.Api.PendingAsync() == 0);
    }
}
