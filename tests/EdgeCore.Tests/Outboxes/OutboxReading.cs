using System.Diagnostics;
using EdgeSync.EdgeCore.MetaManager;

namespace EdgeSync.EdgeCore.Tests.Outboxes;

/// <summary>Looks into an outbox as the link does.</summary>
internal static class OutboxReading
{
    private static readonly TimeSpan s_commitLimit = TimeSpan.FromSeconds(10);

    /// <summary>
    /// What would be sent next. A message that is being put again at this moment is known and cannot be read before its
    /// commit, and what it replaces is gone: the link waits for the signal, this looks again.
    /// </summary>
    public static IReadOnlyList<OutboxEntry> Next(this Outbox outbox, int most, params string[] busy)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var items = outbox.Next(_ => most, busy.Contains);
            var entries = outbox.Read(items);
            if (entries.Count == items.Count)
            {
                return entries;
            }

            if (Stopwatch.GetElapsedTime(started) > s_commitLimit)
            {
                throw new TimeoutException($"{items.Count} messages wait, {entries.Count} of them can be read");
            }

            Thread.Yield();
        }
    }

    /// <summary>Everything, as if the hub took each at once.</summary>
    public static async Task<IReadOnlyList<OutboxEntry>> DrainAsync(this Outbox outbox)
    {
        var all = new List<OutboxEntry>();
        while (outbox.Next(1000) is { Count: > 0 } next)
        {
            all.AddRange(next);
            await outbox.SettleAsync([.. next.Select(e => new Settlement(e, SettleReason.Taken))], CancellationToken.None);
        }

        return all;
    }
}
