namespace EdgeSync.Benchmarks.Fleet;

/// <summary>
/// All links cut at once and all back at once. What the bare handshakes of the same clients take on the same machine is the
/// measure: nobody can be faster.
/// </summary>
internal sealed class StormCase(FleetTable table, int edges)
{
    private const int Rounds = 3;
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public async Task RunAsync(FleetWorld world)
    {
        await using var bare = await FleetWorld.StartBareAsync();
        await bare.OpenAsync(0, edges, s_limit);
        List<double> hub = [], handshakes = [], peaks = [];
        for (var round = 0; round < Rounds; round++)
        {
            handshakes.Add((await StormAsync(bare)).Most);
            await Task.Delay(s_settle);
            var steady = Footprint.Of(world.Cloud.Pid).ResidentMiB;
            ProcessCost.ResetPeak(world.Cloud.Pid);
            hub.Add((await StormAsync(world)).Most);
            peaks.Add(ProcessCost.PeakMiB(world.Cloud.Pid) / steady);
            await Task.Delay(s_settle);
        }

        var (taken, least) = (Median(hub), Median(handshakes));
        table.Add(new FleetFigure($"{edges} edges cut and back at once: 99 % in step, s"), taken);
        table.Add(new FleetFigure("  99 % of the bare handshakes, s"), least);
        table.Add(new FleetFigure("  ratio", AtMost: 1.5), taken / least);
        table.Add(new FleetFigure("  peak memory to steady", AtMost: 2), Median(peaks));
    }

    private async Task<Spread> StormAsync(FleetWorld world)
    {
        var cpu = ProcessCost.CpuSeconds(world.ServerPid);
        var spread = await world.Hollow.StormAsync(s_limit);
        table.Note(FormattableString.Invariant(
            $"{spread.Count} of {edges}; half {spread.Half:0.00} s, 99 % {spread.Most:0.00} s, last {spread.Last:0.00} s; the server's processor time {ProcessCost.CpuSeconds(world.ServerPid) - cpu:0.00} s"));
        return spread.Count >= edges * 0.99 ? spread : throw new TimeoutException($"{spread.Count} of {edges} edges came back within {s_limit.TotalSeconds:0} s");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
