namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>
/// The latest changes of one resource, so that a watch that was cut can go on where it was. Bounded by count and
/// bytes; what is older is compacted, and asking for it is answered with 410. Not thread-safe: the store's gate guards it.
/// </summary>
internal sealed class ChangeHistory(int mostChanges, long mostBytes)
{
    private readonly Queue<Change> _changes = new();
    private long _bytes;

    /// <summary>Changes up to and including this revision may be missing.</summary>
    public long CompactedRevision { get; private set; }

    /// <summary>Used once, before the first <see cref="Add"/>, with what the database says.</summary>
    public void StartFrom(long compactedRevision) => CompactedRevision = Math.Max(CompactedRevision, compactedRevision);

    public void Add(Change change)
    {
        _changes.Enqueue(change);
        _bytes += change.Object.Json.Length;
        while (_changes.Count > mostChanges || (_bytes > mostBytes && _changes.Count > 1))
        {
            var oldest = _changes.Dequeue();
            _bytes -= oldest.Object.Json.Length;
            CompactedRevision = oldest.Revision;
        }
    }

    /// <summary>The changes after <paramref name="revision"/>; null where some of them are compacted.</summary>
    public List<Change>? After(long revision)
    {
        if (revision < CompactedRevision)
        {
            return null;
        }

        var after = new List<Change>();
        foreach (var change in _changes)
        {
            if (change.Revision > revision)
            {
                after.Add(change);
            }
        }

        return after;
    }
}
