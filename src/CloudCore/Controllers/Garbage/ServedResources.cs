using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Follows what the API serves, and with it the metadata of every resource that can be listed, watched and deleted: the
/// built-in ones and those that custom resource definitions add later.
/// </summary>
internal sealed partial class ServedResources(KubeClient client, OwnerGraph graph, TimeProvider time, ILogger logger) : IDisposable
{
    private const string Definitions = "customresourcedefinitions";

    // as Kubernetes' collector asks; a definition that comes or goes is asked about at once
    private static readonly TimeSpan s_askEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromSeconds(1);
    private static readonly string[] s_neededVerbs = ["delete", "list", "watch"];

    private readonly ILogger _logger = logger;
    private readonly ConcurrentDictionary<ApiResource, Following> _followed = new();
    private readonly SemaphoreSlim _definitionsChanged = new(0, 1);

    /// <summary>The resource of an owner's kind; null where the API serves none.</summary>
    public ApiResource? Find(string group, string kind) =>
        _followed.Keys.FirstOrDefault(r => r.Group == group && r.Kind == kind);

    /// <summary>All that are followed now.</summary>
    public IReadOnlyCollection<ApiResource> All => [.. _followed.Keys];

    /// <summary>Follows until cancelled; <paramref name="changed"/> is called when there are other resources than before.</summary>
    public async Task RunAsync(Action changed, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var wait = s_askEvery;
            try
            {
                if (await RefreshAsync(ct))
                {
                    changed();
                }
            }
            catch (ApiException e)
            {
                LogNotAsked(e.Message);
                wait = s_askAgain;
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                break;
            }

            await WaitAsync(wait, ct);
        }

        await Task.WhenAll(_followed.Values.Select(f => f.StopAsync()));
    }

    public void Dispose() => _definitionsChanged.Dispose();

    /// <summary>True where resources have come or gone; it returns when the new ones are in the graph.</summary>
    private async Task<bool> RefreshAsync(CancellationToken ct)
    {
        var served = (await client.DiscoverAsync(ct)).Where(IsCollected).Select(r => r.Resource).ToHashSet();
        var came = served.Where(r => !_followed.ContainsKey(r)).ToList();
        var gone = _followed.Keys.Where(r => !served.Contains(r)).ToList();
        foreach (var resource in gone)
        {
            if (_followed.TryRemove(resource, out var following))
            {
                await following.StopAsync();
                graph.Forget(resource);
            }
        }

        var starting = came.Select(resource => Follow(resource, ct)).ToList();

        // one that cannot be listed must not hold up the others: before anything is deleted the API is asked anyway
        await Task.WhenAny(Task.WhenAll(starting.Select(w => w.Listed)), Task.Delay(s_askEvery, time, ct));
        return came.Count + gone.Count > 0;
    }

    private OwnershipWatch Follow(ApiResource resource, CancellationToken ct)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Action changed = resource.Plural == Definitions ? NoteDefinitions : static () => { };
        var watch = new OwnershipWatch(client, resource, graph, changed, time, _logger);
        _followed[resource] = new Following(watch.RunAsync(stop.Token), stop);
        return watch;
    }

    private void NoteDefinitions()
    {
        try
        {
            _definitionsChanged.Release();
        }
        catch (SemaphoreFullException)
        {
            // it has been noted already
        }
    }

    private async Task WaitAsync(TimeSpan wait, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var noted = _definitionsChanged.WaitAsync(stop.Token);
        var elapsed = Task.Delay(wait, time, stop.Token);
        await Task.WhenAny(noted, elapsed);
        await stop.CancelAsync();
        await noted.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await elapsed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // events name objects and own none; each watch of them would cost more than all the others
    private static bool IsCollected(DiscoveredResource resource) =>
        resource.Resource.Kind != "Event" && s_neededVerbs.All(resource.Verbs.Contains);

    private sealed record Following(Task Run, CancellationTokenSource Stop)
    {
        public async Task StopAsync()
        {
            await Stop.CancelAsync();
            await Run;
            Stop.Dispose();
        }
    }

    [LoggerMessage(LogLevel.Warning, "The garbage collector cannot ask what the API serves: {Error}")]
    private partial void LogNotAsked(string error);
}
