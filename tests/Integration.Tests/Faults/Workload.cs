using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// Changes things on both sides, by a seed, while faults happen, and enters in the ledger what was accepted. A change whose
/// answer was lost is repeated until it is accepted, so that what was last accepted is always known.
/// </summary>
/// <param name="world">Where.</param>
/// <param name="seed">What and in which order.</param>
internal sealed class Workload(FaultWorld world, int seed) : IDisposable
{
    public const int Devices = 2;
    public const int Properties = 3;
    public const string Holder = "holder";
    public const string Daemon = "daemon";

    private const int ConfigMaps = 6;
    private const int Secrets = 2;
    private const int ComingPods = 2;
    private const int LongestText = 3000;

    private static readonly TimeSpan s_acceptLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_betweenTries = TimeSpan.FromMilliseconds(100);

    private readonly Random _random = new(seed);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _number;

    public Ledger Ledger { get; } = new();

    /// <summary>The devices, and a pod that mounts all ConfigMaps and Secrets that may ever be; until the edge has them.</summary>
    public async Task PrepareAsync()
    {
        await PutAsync("devicemodels", Manifests.DeviceModel(Properties));
        for (var i = 0; i < Devices; i++)
        {
            await PutAsync("devices", Manifests.Device($"device-{i}", Properties, ++_number));
        }

        for (var i = 0; i < ConfigMaps; i++)
        {
            await PutAsync("configmaps", Manifests.ConfigMap($"cm-{i}", ++_number, "first"));
        }

        for (var i = 0; i < Secrets; i++)
        {
            await PutAsync("secrets", Manifests.Secret($"secret-{i}", ++_number));
        }

        await PutAsync("pods", Manifests.Pod(
            Holder, Enumerable.Range(0, ConfigMaps).Select(i => $"cm-{i}"), Enumerable.Range(0, Secrets).Select(i => $"secret-{i}")));
        await world.World.EventuallyAsync("the agent knows the devices", async () =>
            await world.Edge.TwinAsync("default", "device-0") is not null && await world.Edge.TwinAsync("default", "device-1") is not null);
        await world.World.EventuallyAsync(
            "the pod runs", async () => (await world.World.Pods.RunningAsync(Holder)).Count == 1);
    }

    /// <summary>Changes, with short pauses, until it is told to end; the change under way is finished.</summary>
    public async Task RunAsync(TimeSpan pause, CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            await StepAsync();
            await Task.Delay(pause * _random.NextDouble() * 2, CancellationToken.None);
        }
    }

    /// <summary>One change of any kind, accepted when this returns.</summary>
    public Task StepAsync() => OneAtATimeAsync(() => _random.Next(100) switch
    {
        < 35 => PutAsync("configmaps", Manifests.ConfigMap($"cm-{_random.Next(ConfigMaps)}", ++_number, Text())),
        < 42 => DeleteAsync("configmaps", $"cm-{_random.Next(ConfigMaps)}"),
        < 50 => PutAsync("secrets", Manifests.Secret($"secret-{_random.Next(Secrets)}", ++_number)),
        < 53 => DeleteAsync("secrets", $"secret-{_random.Next(Secrets)}"),
        < 62 => PutAsync("devices", Manifests.Device($"device-{_random.Next(Devices)}", Properties, ++_number)),
        < 95 => ReportAsync(),
        _ => TogglePodAsync(),
    });

    /// <summary>A sensor's reading, taken by the broker.</summary>
    private async Task ReportAsync()
    {
        var (device, property, value) = ($"device-{_random.Next(Devices)}", $"p{_random.Next(Properties)}", ++_number);
        await AcceptedAsync(() => world.World.Mqtt.ReportAsync("default", device, (property, value.ToString(CultureInfo.InvariantCulture))));
        Ledger.Read(device, property, value);
    }

    /// <summary>Makes the DaemonSet, changes what its pod is made from, or takes it away with its pod.</summary>
    public Task DaemonSetAsync() => OneAtATimeAsync(ToggleDaemonSetAsync);

    /// <summary>Makes or deletes a pod.</summary>
    public Task PodAsync() => OneAtATimeAsync(TogglePodAsync);

    public void Dispose() => _turn.Dispose();

    /// <summary>Two who change the same thing would not know whose change came last.</summary>
    private async Task OneAtATimeAsync(Func<Task> change)
    {
        await _turn.WaitAsync();
        try
        {
            await change();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task ToggleDaemonSetAsync()
    {
        if (Ledger.Names("daemonsets").Count > 0)
        {
            if (++_number % 3 > 0)
            {
                await PutAsync("daemonsets", Manifests.DaemonSet(Daemon, _number));
                return;
            }

            await DeleteAsync("daemonsets", Daemon);
        }
        else if (await IsGoneAsync("daemonsets", Daemon))
        {
            await PutAsync("daemonsets", Manifests.DaemonSet(Daemon, ++_number));
        }
    }

    private async Task TogglePodAsync()
    {
        var name = $"coming-{_random.Next(ComingPods)}";
        if (Ledger.Names("pods").Contains(name))
        {
            await DeleteAsync("pods", name);
        }
        else if (await IsGoneAsync("pods", name))
        {
            // one that is ending still is left alone: a pod of that name comes another time
            await PutAsync("pods", Manifests.Pod(name, ["cm-0"], []));
        }
    }

    private async Task<bool> IsGoneAsync(string resource, string name)
    {
        var gone = false;
        await AcceptedAsync(async () => gone = await world.Api.GetAsync(resource, name) is null);
        return gone;
    }

    private async Task PutAsync(string resource, System.Text.Json.Nodes.JsonObject wanted)
    {
        await AcceptedAsync(() => world.Api.PutAsync(resource, wanted));
        Ledger.Put(resource, wanted);
    }

    private async Task DeleteAsync(string resource, string name)
    {
        await AcceptedAsync(() => world.Api.DeleteAsync(resource, name));
        Ledger.Deleted(resource, name);
    }

    private static async Task AcceptedAsync(Func<Task> change)
    {
        using var deadline = new CancellationTokenSource(s_acceptLimit);
        while (true)
        {
            try
            {
                await change();
                return;
            }
            catch (Exception e) when (
                e is HttpRequestException { StatusCode: null or >= System.Net.HttpStatusCode.InternalServerError }
                    or OperationCanceledException or IOException or CommandFailedException
                && !deadline.IsCancellationRequested)
            {
                await Task.Delay(s_betweenTries, CancellationToken.None);
            }
        }
    }

    private string Text() => new([.. Enumerable.Range(0, _random.Next(LongestText)).Select(_ => (char)('a' + _random.Next(26)))]);
}
