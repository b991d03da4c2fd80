using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Removes Events an hour after they were last told, as Kubernetes' API server does: without it they would fill the store. It keeps none of
/// them in memory; it looks through them, page by page, every few minutes.
/// </summary>
internal sealed partial class EventExpiry(KubeClient client, ControllersOptions options, TimeProvider time, ILogger<EventExpiry> logger) : IController
{
    private readonly ILogger _logger = logger;

    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await SweepAsync(ct);
            }
            catch (ApiException e)
            {
                // what is old now is old at the next look too
                LogFailed(e.Message);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(options.EventSweepPeriod * (1 + (Random.Shared.NextDouble() / 10)), time, ct)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose()
    {
        // holds nothing
    }

    /// <summary>When an Event was last told: its series' last time, its last or first time, or when it was made.</summary>
    internal static DateTimeOffset LastTold(EventGist gist)
    {
        var last = DateTimeOffset.MinValue;
        foreach (var text in new[] { gist.Series?.LastObservedTime, gist.LastTimestamp, gist.EventTime, gist.Metadata?.CreationTimestamp })
        {
            last = KubeTime.TryParse(text, out var told) && told > last ? told : last;
        }

        return last;
    }

    private async Task SweepAsync(CancellationToken ct)
    {
        var oldest = time.GetUtcNow() - options.EventTtl;
        var list = await client.ListAsync(ApiResources.Events, null, null, ct);
        var expired = list.Items.Where(value => LastTold(value.View(ControllersJson.Default.EventGist)) < oldest).ToList();
        await Batches.InGrowingAsync(expired, options.ParallelRequests, DeleteAsync, ct);
        if (expired.Count > 0)
        {
            LogRemoved(expired.Count);
        }
    }

    private async Task DeleteAsync(KubeObject value, CancellationToken ct)
    {
        try
        {
            // the version, too: one that was told again meanwhile stays
            await client.DeleteAsync(
                ApiResources.Events, value.Namespace, value.Name, new DeleteOptions { Uid = value.Uid, ResourceVersion = value.ResourceVersion }, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or told again
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Count} events are older than their time and are removed")]
    private partial void LogRemoved(int count);

    [LoggerMessage(LogLevel.Warning, "Old events could not be removed: {Error}")]
    private partial void LogFailed(string error);
}

/// <summary>Of an Event its times.</summary>
internal sealed record EventGist
{
    public ObjectMeta? Metadata { get; set; }

    public string? LastTimestamp { get; set; }

    public string? EventTime { get; set; }

    public EventGistSeries? Series { get; set; }
}

internal sealed record EventGistSeries
{
    public string? LastObservedTime { get; set; }
}
