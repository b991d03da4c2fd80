namespace EdgeSync.CloudCore.Controllers;

/// <summary>Looks at everything now and then, so that nothing depends on a note that was lost.</summary>
internal static class Resync
{
    public static async Task RunAsync(TimeSpan period, TimeProvider time, Action lookAtAll, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            // up to a tenth more, so that the controllers do not all wake together
            await Task.Delay(period * (1 + (Random.Shared.NextDouble() / 10)), time, ct)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!ct.IsCancellationRequested)
            {
                lookAtAll();
            }
        }
    }
}
