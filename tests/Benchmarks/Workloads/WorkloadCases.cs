using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.Benchmarks.Api;

namespace EdgeSync.Benchmarks.Workloads;

/// <summary>What is measured on one side, in this order: each case builds on what the one before left.</summary>
internal sealed class WorkloadCases(ControlPlane plane, ApiTable table, WorkloadsWish wish) : IDisposable
{
    private const int Joins = 5;
    private const string Sets = "/apis/apps/v1/namespaces/default/daemonsets";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(10);

    private readonly ApiClient _client = new(plane.Kubeconfig);
    private readonly Dictionary<string, int> _alike = [];

    public async Task RunAsync()
    {
        await using var nodes = new PretendNodes(plane.Kubeconfig);
        await using var count = new StoreCount(plane.Kubeconfig);
        await count.StartAsync();
        await nodes.StartAsync(wish.Nodes);
        await UntilAsync(nodes, "no node is tainted", AreNodesFreeAsync);
        await Task.Delay(wish.Settle);

        var pods = wish.Nodes * wish.Sets;
        var all = await SpendAsync(nodes, count, wish.Sets, async () =>
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, wish.Sets), async (i, _) => await _client.CreateAsync(Sets, DaemonSet(i, "v1")));
            await UntilAsync(nodes, "all pods of all DaemonSets run", () => Task.FromResult(Enumerable.Range(0, wish.Sets).All(i => nodes.Ready(SetName(i), "v1") == wish.Nodes)));
            await UntilAsync(nodes, "the status of all DaemonSets says so", () => SayAsync(wish.Nodes));
        });
        Report($"{wish.Sets} DaemonSets on {wish.Nodes} nodes", all, pods);

        await JoinsAsync(nodes, count);
        var one = await SpendAsync(nodes, count, 1, async () =>
        {
            await _client.PatchAsync($"{Sets}/{SetName(0)}", """{"spec":{"template":{"metadata":{"labels":{"version":"v2"} } } } }""");
            await UntilAsync(nodes, "the new pods run", () => Task.FromResult(nodes.Ready(SetName(0), "v2") == wish.Nodes + Joins));
            await UntilAsync(nodes, "the status says so", () => SayAsync(wish.Nodes + Joins));
        });
        Report("a new template of one DaemonSet, maxUnavailable 100%", one, wish.Nodes + Joins);

        var replicas = 2 * wish.Nodes;
        var deployment = await SpendAsync(nodes, count, 1, async () =>
        {
            await _client.CreateAsync("/apis/apps/v1/namespaces/default/deployments", Deployment(replicas));
            await UntilAsync(nodes, "all pods of the Deployment run", () => Task.FromResult(nodes.Ready("web", "v1") == replicas));
        });
        Report($"a Deployment of {replicas} pods", deployment, replicas);
        Add("resident at the end, MiB", plane.ResidentMiB);

        // what is new is compiled, collected and compacted for a while after it has worked, on both sides
        await Task.Delay(wish.Settle * 4);
        var rest = await SpendAsync(nodes, count, 0, () => Task.Delay(TimeSpan.FromSeconds(20)));
        Add("at rest, with the leases: CPU, percent of a core", 100 * rest.Cpu / rest.Whole.TotalSeconds);
    }

    public void Dispose() => _client.Dispose();

    private async Task JoinsAsync(PretendNodes nodes, StoreCount count)
    {
        var rest = await SpendAsync(nodes, count, 0, () => Task.Delay(wish.Settle));
        var joins = new List<Spent>();
        for (var i = 0; i < Joins; i++)
        {
            var node = PretendNodes.Name(wish.Nodes + i);
            joins.Add(await SpendAsync(nodes, count, 0, async () =>
            {
                await nodes.AddAsync(wish.Nodes + i);
                await UntilAsync(nodes, $"all DaemonSets run on {node}", () => Task.FromResult(nodes.ReadyOn(node) == wish.Sets));
            }));
        }

        Add("one node joins: until all its pods run, s", Median(joins, join => join.Time.TotalSeconds));
        // the renewals of leases meanwhile cost what they cost at rest
        Add("  CPU beyond that at rest, s", Median(joins, join => Math.Max(0, join.Cpu - (rest.Cpu * join.Whole.TotalSeconds / rest.Whole.TotalSeconds))));
        AddAlike("  API writes per pod", Median(joins, join => join.Writes / (double)wish.Sets));
    }

    private void Report(string what, Spent spent, int pods)
    {
        Add($"{what}: until it is so, s", spent.Time.TotalSeconds);
        AddAlike("  CPU of the control plane, s", spent.Cpu);
        AddAlike("  API writes per pod", spent.Writes / (double)pods);
        AddAlike("    of them on pods", spent.PodWrites / (double)pods);
        AddAlike("    events", spent.Events / (double)pods);
    }

    // lines of the table are told apart by their words; blanks at the end make them differ and do not show
    private void AddAlike(string what, double value)
    {
        var times = _alike.GetValueOrDefault(what);
        _alike[what] = times + 1;
        Add(what + new string(' ', times), value);
    }

    private async Task<Spent> SpendAsync(PretendNodes nodes, StoreCount count, int ownWrites, Func<Task> act)
    {
        var (mark, cpu, theirs, began) = (await count.MarkAsync(), plane.CpuSeconds, (All: nodes.Writes, OfPods: nodes.PodWrites), Stopwatch.GetTimestamp());
        await act();
        var time = Stopwatch.GetElapsedTime(began);
        await Task.Delay(wish.Settle);
        nodes.ThrowIfFailed();
        var after = await count.MarkAsync();
        return new Spent(
            time,
            Stopwatch.GetElapsedTime(began),
            plane.CpuSeconds - cpu,
            after.Since(mark) - (nodes.Writes - theirs.All) - ownWrites,
            after.Since(mark, "pods") - (nodes.PodWrites - theirs.OfPods),
            after.Since(mark, "events"));
    }

    private async Task<bool> AreNodesFreeAsync()
    {
        var list = await _client.ReadAsync("/api/v1/nodes");
        return list["items"]!.AsArray() is var items && items.Count == wish.Nodes && items.All(node => node!["spec"]?["taints"] is not JsonArray { Count: > 0 });
    }

    private async Task<bool> SayAsync(int nodes)
    {
        var list = await _client.ReadAsync(Sets);
        return list["items"]!.AsArray() is var items && items.Count == wish.Sets && items.All(set =>
            Number(set!["status"], "observedGeneration") == Number(set["metadata"], "generation")
            && Number(set["status"], "desiredNumberScheduled") == nodes && Number(set["status"], "numberAvailable") == nodes
            && Number(set["status"], "updatedNumberScheduled") == nodes);
    }

    private static long Number(JsonNode? parent, string field) => parent?[field]?.GetValue<long>() ?? 0;

    private static async Task UntilAsync(PretendNodes nodes, string what, Func<Task<bool>> condition)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            nodes.ThrowIfFailed();
            if (Stopwatch.GetElapsedTime(began) > s_limit)
            {
                throw new TimeoutException($"not within {s_limit.TotalMinutes:0} min: {what}");
            }

            await Task.Delay(s_poll);
        }
    }

    private void Add(string what, double value) => table.Add(plane.Name, new ApiFigure(what, IsRate: false), value);

    private static double Median(List<Spent> all, Func<Spent, double> value) => all.Select(value).Order().ElementAt(all.Count / 2);

    private static string SetName(int number) => string.Create(CultureInfo.InvariantCulture, $"set-{number}");

    private static string DaemonSet(int number, string version) => $$$"""
        {"metadata":{"name":"{{{SetName(number)}}}"},"spec":{"selector":{"matchLabels":{"app":"{{{SetName(number)}}}"} },
         "updateStrategy":{"rollingUpdate":{"maxUnavailable":"100%"} },"template":{{{Template(SetName(number), version)}}} } }
        """;

    private static string Deployment(int replicas) => $$$"""
        {"metadata":{"name":"web"},"spec":{"replicas":{{{replicas.ToString(CultureInfo.InvariantCulture)}}},"selector":{"matchLabels":{"app":"web"} },"template":{{{Template("web", "v1")}}} } }
        """;

    private static string Template(string app, string version) => $$$"""
        {"metadata":{"labels":{"app":"{{{app}}}","version":"{{{version}}}"} },
         "spec":{"automountServiceAccountToken":false,"containers":[{"name":"main","image":"registry.example/app:1",
                 "env":[{"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"} } }],"resources":{"requests":{"cpu":"10m","memory":"16Mi"} } }]} }
        """;

    /// <param name="Time">Until what was asked for was so.</param>
    /// <param name="Whole">With the wait after it, in which what trails is counted.</param>
    /// <param name="Cpu">Seconds of all processes in <paramref name="Whole"/>.</param>
    /// <param name="Writes">Changes that the control plane made.</param>
    /// <param name="PodWrites">Of them, of pods.</param>
    /// <param name="Events">Of them, Events.</param>
    private sealed record Spent(TimeSpan Time, TimeSpan Whole, double Cpu, long Writes, long PodWrites, long Events);
}
