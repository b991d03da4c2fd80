namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>What happened to an object; the numbers are stored.</summary>
internal enum ChangeType
{
    Added = 1,
    Modified = 2,
    Deleted = 3,
}

/// <summary>One committed change; its revision is the object's resourceVersion.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Object">The new version; for a deletion the last one, with the deletion's resourceVersion.</param>
/// <param name="Previous">The version before; null for an addition, and where it has been compacted away.</param>
internal sealed record Change(ChangeType Type, StoredObject Object, StoredObject? Previous)
{
    public long Revision => Object.ResourceVersion;
}
