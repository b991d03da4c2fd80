using System.Globalization;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>What a reconnect costs a metered link where nothing changed meanwhile.</summary>
internal sealed class ResyncCase(FleetTable table)
{
    private const int Edges = 20;
    private const int Objects = 100; // with the node and its pod
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    public async Task RunAsync()
    {
        await using var world = await FleetWorld.StartAsync();
        await world.OpenAsync(0, Edges, s_limit);
        var names = Enumerable.Range(0, Objects - 2).Select(i => string.Create(CultureInfo.InvariantCulture, $"settings-{i}")).ToArray();
        foreach (var name in names)
        {
            await world.Api.CreateConfigMapAsync(name, "value");
        }

        await world.Hollow.SpreadAsync(
            "configmap", "value", Edges * names.Length,
            async () =>
            {
                for (var i = 0; i < Edges; i++)
                {
                    await world.Api.CreatePodAsync(FormattableString.Invariant($"app-{i}"), FormattableString.Invariant($"hollow-{i:00000}"), names);
                }
            },
            s_limit);
        await Task.Delay(TimeSpan.FromSeconds(2));
        var before = await world.Hollow.CountsAsync();
        await world.Hollow.StormAsync(s_limit);
        await Task.Delay(TimeSpan.FromSeconds(1));
        var after = await world.Hollow.CountsAsync();
        table.Add(
            new FleetFigure($"a resync of {after.Held / Edges} objects where nothing changed, TLS handshake included, KB", AtMost: 10),
            (after.Bytes - before.Bytes) / 1024.0 / Edges);
    }
}
