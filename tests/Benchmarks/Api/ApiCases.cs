using System.Diagnostics;
using System.Globalization;

namespace EdgeSync.Benchmarks.Api;

/// <summary>What is measured on one side, in this order: each case builds on what the one before left.</summary>
internal sealed class ApiCases(ApiSide side, ApiTable table, ApiWish wish)
{
    private const int Parallel = 32;
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    public async Task RunAsync()
    {
        using (var client = new ApiClient(side.Kubeconfig))
        {
            // many first: what is measured after that is a server that has worked for a while
            await ManyAsync(client);
            await OneByOneAsync(client);
            await ListAsync(client);
            await DeliveryAsync(client);
            await Task.Delay(s_quiet);
            Add($"resident with {wish.Pods} pods, MiB", side.ResidentMiB);
            await WatchersAsync();
        }

        await side.StopAsync();
        Add($"start to ready with {wish.Pods} pods, s", (await side.StartAsync()).TotalSeconds);
    }

    private async Task OneByOneAsync(ApiClient client)
    {
        var create = await SampleAsync(wish.WarmUp, wish.Samples, i => client.CreateAsync(Pods, Pod($"single-{i}")));
        Add("create a pod, one after the other: p50, ms", create.P50);
        Add("  p99, ms", create.P99);
        var get = await SampleAsync(wish.WarmUp, wish.Samples, i => client.GetAsync($"{Pods}/single-{i}"));
        Add("get a pod, one after the other: p50, ms", get.P50);
        Add("  p99, ms ", get.P99);
    }

    private async Task ManyAsync(ApiClient client)
    {
        var left = wish.Pods - wish.WarmUp - wish.Samples;
        Add($"create pods, {Parallel} at a time: pods a second", left / await TimeAsync(() => EachAsync(left, i => client.CreateAsync(Pods, Pod($"many-{i}")))), isRate: true);
        Add($"get pods, {Parallel} at a time: pods a second", left / await TimeAsync(() => EachAsync(left, i => client.GetAsync($"{Pods}/many-{i}"))), isRate: true);
    }

    private async Task ListAsync(ApiClient client)
    {
        var list = await SampleAsync(0, 7, _ => client.GetAsync(Pods));
        Add($"list {wish.Pods} pods: median of 7, ms", list.P50);
        var page = await SampleAsync(0, 21, _ => client.GetAsync($"{Pods}?limit=500"));
        Add("list the first 500 of them: median of 21, ms", page.P50);
    }

    /// <summary>From the request of a change to its event in a watch.</summary>
    private async Task DeliveryAsync(ApiClient client)
    {
        await client.CreateAsync(ConfigMaps, """{"metadata":{"name":"delivered"}}""");
        using var stop = new CancellationTokenSource();
        using var seen = new SemaphoreSlim(0);
        var watch = await client.WatchAsync($"{ConfigMaps}?watch=true&fieldSelector=metadata.name%3Ddelivered", () => seen.Release(), stop.Token);
        await AwaitAsync(seen, "the watch's first event");
        var samples = new List<double>();
        for (var i = -wish.WarmUp; i < wish.Samples; i++)
        {
            var start = Stopwatch.GetTimestamp();
            var change = client.PatchAsync($"{ConfigMaps}/delivered", $$$"""{"data":{"v":"{{{i}}}"}}""");
            await AwaitAsync(seen, "the change in the watch");
            var elapsed = Stopwatch.GetElapsedTime(start);
            await change;
            if (i >= 0)
            {
                samples.Add(elapsed.TotalMilliseconds);
            }
        }

        await stop.CancelAsync();
        await watch;
        var delivery = Percentiles(samples);
        Add("a change to its event in a watch: p50, ms", delivery.P50);
        Add("  p99, ms  ", delivery.P99);
    }

    /// <summary>One change that thousands of watches are told of.</summary>
    private async Task WatchersAsync()
    {
        using var client = new ApiClient(side.Kubeconfig);
        await client.CreateAsync(ConfigMaps, """{"metadata":{"name":"watched"}}""");
        using var stop = new CancellationTokenSource();
        var (told, all) = (0, 0);
        var done = new TaskCompletionSource();
        var watches = new List<Task>();
        void OnEvent()
        {
            if (Interlocked.Increment(ref told) == Volatile.Read(ref all))
            {
                done.TrySetResult();
            }
        }

        all = wish.Watchers;
        await EachAsync(wish.Watchers, async _ =>
        {
            var watch = await client.WatchAsync($"{ConfigMaps}?watch=true&fieldSelector=metadata.name%3Dwatched", OnEvent, stop.Token);
            lock (watches)
            {
                watches.Add(watch);
            }
        });
        await done.Task.WaitAsync(s_limit); // each is told of what was there
        await Task.Delay(s_quiet);
        Add($"resident with {wish.Watchers} watches too, MiB", side.ResidentMiB);
        var samples = new List<double>();
        for (var i = 0; i < 5; i++)
        {
            done = new TaskCompletionSource();
            Volatile.Write(ref told, 0);
            var start = Stopwatch.GetTimestamp();
            await client.PatchAsync($"{ConfigMaps}/watched", $$$"""{"data":{"v":"{{{i}}}"}}""");
            await done.Task.WaitAsync(s_limit);
            samples.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        await stop.CancelAsync();
        await Task.WhenAll(watches);
        Add($"one change to all {wish.Watchers} watches: median of 5, ms", Percentiles(samples).P50);
    }

    private void Add(string what, double value, bool isRate = false) => table.Add(side.Name, new ApiFigure(what, isRate), value);

    private static async Task AwaitAsync(SemaphoreSlim seen, string what)
    {
        if (!await seen.WaitAsync(s_limit))
        {
            throw new TimeoutException($"{what} did not come within {s_limit.TotalSeconds:0} s");
        }
    }

    private static Task EachAsync(int count, Func<int, Task> act) =>
        System.Threading.Tasks.Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (i, _) => await act(i));

    private static async Task<double> TimeAsync(Func<Task> act)
    {
        var start = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task<(double P50, double P99)> SampleAsync(int warmUp, int count, Func<int, Task> act)
    {
        var samples = new List<double>();
        for (var i = 0; i < warmUp + count; i++)
        {
            var elapsed = await TimeAsync(() => act(i));
            if (i >= warmUp)
            {
                samples.Add(1000 * elapsed);
            }
        }

        return Percentiles(samples);
    }

    private static (double P50, double P99) Percentiles(List<double> samples)
    {
        samples.Sort();
        return (samples[samples.Count / 2], samples[Math.Min(samples.Count - 1, samples.Count * 99 / 100)]);
    }

    private static string Pod(string name) => string.Create(CultureInfo.InvariantCulture, $$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}","labels":{"app":"bench","tier":"{{name.GetHashCode(StringComparison.Ordinal) & 7}}"} },
         "spec":{"nodeName":"node-{{name.GetHashCode(StringComparison.Ordinal) & 1023}}","automountServiceAccountToken":false,"containers":[{"name":"main","image":"registry.example/app:1.0",
          "env":[{"name":"LEVEL","value":"info"},{"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"} } }],
          "ports":[{"containerPort":8080}],"resources":{"requests":{"cpu":"10m","memory":"16Mi"},"limits":{"memory":"64Mi"} },
          "volumeMounts":[{"name":"settings","mountPath":"/etc/app"}] }],
          "volumes":[{"name":"settings","configMap":{"name":"settings"} }]} }
        """);
}
