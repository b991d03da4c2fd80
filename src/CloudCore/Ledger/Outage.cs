namespace EdgeSync.CloudCore.Ledger;

/// <summary>A time in which the hub did not hear of a node.</summary>
/// <param name="Since">When the node was last heard.</param>
/// <param name="Until">When it was back.</param>
/// <param name="Restarts">Each pod's restarts as the API had them at the return, before the node could tell new ones; by UID.</param>
internal sealed record Outage(DateTimeOffset Since, DateTimeOffset Until, IReadOnlyDictionary<string, int> Restarts)
{
    /// <summary>Objects that the node lacked by its inventory; -1 while it has not told one.</summary>
    public int Differing { get; init; } = -1;

    public TimeSpan Duration => Until - Since;
}

/// <summary>A time away whose end is to be told: the node holds what it should again.</summary>
/// <param name="Record">The node.</param>
/// <param name="Outage">The time away.</param>
/// <param name="Applied">Objects whose newest version the node has taken since.</param>
/// <param name="Superseded">Versions that newer ones took the place of meanwhile; null where the hub was not there to see them.</param>
/// <param name="CaughtUpAt">When the node held everything.</param>
internal sealed record EndedOutage(NodeRecord Record, Outage Outage, int Applied, int? Superseded, DateTimeOffset CaughtUpAt);
