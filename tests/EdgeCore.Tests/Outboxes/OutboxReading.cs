using EdgeSync.EdgeCore.MetaManager;

namespace EdgeSync.EdgeCore.Tests.Outboxes;

/// <summary>Looks into an outbox as the link does.</summary>
internal static class OutboxReading
{
    /// <summary>What would be sent next.</summary>
    public static IReadOnlyList<OutboxEntry> Next(this Outbox outbox, int most, params string[] busy) =>
        outbox.Read(outbox.Next(_ => most, busy.Contains));

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
