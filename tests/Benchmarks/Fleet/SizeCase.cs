namespace EdgeSync.Benchmarks.Fleet;

/// <summary>
/// Sessions held over TLS with client certificates, what each costs in memory, and what all cost in processor time and bytes
/// while nothing happens, as the fleet grows. Beside it, where asked for, the same clients on a bare server.
/// </summary>
internal sealed class SizeCase(FleetTable table, IReadOnlyList<int> sizes, TimeSpan idle)
{
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    public async Task RunAsync()
    {
        await using (var world = await FleetWorld.StartAsync())
        {
            await GrowAsync(world);
        }

        await using var bare = await FleetWorld.StartBareAsync();
        var before = Footprint.Of(bare.ServerPid).ResidentMiB;
        await bare.OpenAsync(0, sizes[^1], s_limit);
        await Task.Delay(s_settle);
        table.Add(
            new FleetFigure(FormattableString.Invariant($"bare Kestrel, {sizes[^1]} TLS WebSockets: resident for each, KB")),
            (Footprint.Of(bare.ServerPid).ResidentMiB - before) * 1024 / sizes[^1]);
    }

    private async Task GrowAsync(FleetWorld world)
    {
        // warm: the first sessions compile the code
        await world.OpenAsync(0, 50, TimeSpan.FromSeconds(30));
        await Task.Delay(s_settle);
        var before = Footprint.Of(world.Cloud.Pid).ResidentMiB;
        var open = 50;
        foreach (var size in sizes)
        {
            var isLast = size == sizes[^1];
            await world.OpenAsync(open, size - open, s_limit);
            open = size;
            await Task.Delay(s_settle);
            var bytes = await world.Hollow.CountsAsync();
            var cpu = await ProcessCost.CpuPercentAsync(world.Cloud.Pid, idle);
            var counts = await world.Hollow.CountsAsync();
            var resident = Footprint.Of(world.Cloud.Pid).ResidentMiB;
            table.Add(new FleetFigure(FormattableString.Invariant($"{size} edges: sessions held"), AtLeast: size), counts.Connected);
            table.Add(
                new FleetFigure(FormattableString.Invariant($"{size} edges: resident for each session, KB"), AtMost: isLast ? 50 : null),
                (resident - before) * 1024 / (size - 50));
            table.Add(new FleetFigure(FormattableString.Invariant($"{size} edges: resident, MiB")), resident);
            table.Add(new FleetFigure(FormattableString.Invariant($"{size} edges: idle, % of a core"), AtMost: isLast ? 20 : null), cpu);
            if (isLast)
            {
                // sent and received by the edge, TLS included, TCP and IP headers not
                var hour = (counts.Bytes - bytes.Bytes) / 1024.0 / size * (TimeSpan.FromHours(1) / idle);
                table.Add(new FleetFigure(FormattableString.Invariant($"a quiet hour of a node, KB (from {idle.TotalSeconds:0} s of {size})"), AtMost: 60), hour);
            }

            if (counts.Failures > 0)
            {
                table.Note($"{counts.Failures} links failed");
            }
        }
    }
}
