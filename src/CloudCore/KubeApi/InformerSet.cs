using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>
/// The informers of one cloudcore, one per kind, shared by controllers and hub: each kind is listed and watched once.
/// Started as a hosted service; all <see cref="For"/> calls come before that.
/// </summary>
internal sealed class InformerSet : BackgroundService
{
    private readonly KubeClient _client;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;

    // guards the two below
    private readonly Lock _gate = new();
    private readonly Dictionary<ApiResource, Informer> _informers = [];
    private bool _started;

    public InformerSet(KubeClient client, TimeProvider time, ILoggerFactory? loggers)
    {
        _client = client;
        _time = time;
        _loggers = loggers ?? NullLoggerFactory.Instance;
    }

    /// <summary>The informer of all objects of a kind, the same for every caller.</summary>
    public Informer For(ApiResource resource)
    {
        lock (_gate)
        {
            if (_informers.TryGetValue(resource, out var informer))
            {
                return informer;
            }

            if (_started)
            {
                throw new InvalidOperationException($"the informers run already; {resource} must be asked for before");
            }

            return _informers[resource] = new Informer(_client, resource, null, _time, _loggers.CreateLogger<Informer>());
        }
    }

    /// <summary>Until every informer has its first list.</summary>
    public Task WaitForSyncAsync(CancellationToken ct) => Task.WhenAll(All().Select(informer => informer.WaitForSyncAsync(ct)));

    /// <summary>Runs all informers until cancelled.</summary>
    public Task RunAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            _started = true;
        }

        return Task.WhenAll(All().Select(informer => informer.RunAsync(ct)));
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    private List<Informer> All()
    {
        lock (_gate)
        {
            return [.. _informers.Values];
        }
    }
}
