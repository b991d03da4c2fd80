using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>Many changed objects for each of many nodes, durable at the edge (the agent's link and store); and a resync where nothing changed.</summary>
internal sealed class BacklogCase(FleetTable table, int nodes, int objects)
{
    private const int ApiCallsAtOnce = 16;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);

    public async Task RunAsync()
    {
        await using var world = await FleetWorld.StartAsync();
        await world.Hollow.DoAsync($"agents 0 {nodes}", s_limit);
        var names = Enumerable.Range(0, objects).Select(i => string.Create(CultureInfo.InvariantCulture, $"settings-{i}")).ToArray();
        await EachAsync(names, name => world.Api.CreateConfigMapAsync(name, "first-value"));
        var first = await world.Hollow.SpreadAsync(
            "configmap", "first-value", nodes * objects,
            () => EachAsync(Enumerable.Range(0, nodes), i => world.Api.CreatePodAsync(FormattableString.Invariant($"app-{i}"), FormattableString.Invariant($"hollow-{i:00000}"), names)),
            s_limit);
        table.Note(FormattableString.Invariant($"{first.Count} objects for the first time: {first.Last:0.0} s"));
        await Eventually.HoldsAsync("nothing is pending", async () => await world.Api.PendingAsync() == 0, s_limit);

        // away while all of it changes
        await world.Hollow.DoAsync($"agents-stop", s_limit);
        await EachAsync(names, name => world.Api.ChangeConfigMapAsync(name, "second-value"));
        var spread = await world.Hollow.SpreadAsync("configmap", "second-value", nodes * objects, () => world.Hollow.DoAsync($"agents 0 {nodes}", s_limit), s_limit);
        table.Add(
            new FleetFigure($"{nodes} nodes back after {objects} changes each: all stored, s", AtMost: 10),
            spread.Count == nodes * objects ? spread.Last : double.PositiveInfinity);

        // and while it is there
        spread = await world.Hollow.SpreadAsync(
            "configmap", "third-value", nodes * objects, () => EachAsync(names, name => world.Api.ChangeConfigMapAsync(name, "third-value")), s_limit);
        table.Add(
            new FleetFigure($"{nodes} nodes, {objects} changes each as fast as the API takes them: all stored, s", AtMost: 10),
            spread.Count == nodes * objects ? spread.Last : double.PositiveInfinity);
        table.Add(new FleetFigure("  nodes taken for dead meanwhile", AtMost: 0), world.MarkedUnreachable());
    }

    private static Task EachAsync<T>(IEnumerable<T> items, Func<T, Task> call) => Parallel.ForEachAsync(
        items, new ParallelOptions { MaxDegreeOfParallelism = ApiCallsAtOnce }, async (item, _) => await call(item));
}
