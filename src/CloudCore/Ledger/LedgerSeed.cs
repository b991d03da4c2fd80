using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>
/// Reads once, before the first node is taken, when each node was last heard by the hub before this one. Leases that cannot be
/// read cost outages their report and nothing else: after a few tries the hub goes on without.
/// </summary>
internal sealed partial class LedgerSeed(KubeClient api, NodeLedger ledger, TimeProvider time, ILogger<LedgerSeed> logger) : BackgroundService
{
    private const string LeaseNamespace = "kube-node-lease";
    private const int Tries = 5;
    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2));

    private volatile bool _done;

    /// <summary>Whether nodes may be taken.</summary>
    public bool IsDone => _done;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var attempt = 1; !_done; attempt++)
        {
            try
            {
                var leases = await api.ListAsync(ApiResources.Leases, LeaseNamespace, null, stoppingToken);
                ledger.Seed(leases.Items.Select(Read).OfType<(string, DateTimeOffset)>());
                _done = true;
            }
            catch (ApiException e)
            {
                if (attempt >= Tries)
                {
                    LogFailed(e.Message);
                    _done = true;
                    return;
                }

                await Task.Delay(s_backoff.After(attempt), time, stoppingToken);
            }
        }
    }

    private static (string, DateTimeOffset)? Read(KubeObject lease)
    {
        try
        {
            return KubeTime.TryParse(lease.View(KubernetesJson.Default.Lease).Spec.RenewTime, out var renewed) ? (lease.Name, renewed) : null;
        }
        catch (KubeObjectException)
        {
            return null; // somebody else's lease of another form
        }
    }

    [LoggerMessage(LogLevel.Warning, "When the nodes were last heard cannot be read from their leases: {Text}")]
    private partial void LogFailed(string text);
}
