using System.Collections.Immutable;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>All objects at one revision; immutable, so that a list needs no lock and is consistent.</summary>
internal sealed record StoreState(
    long Revision, ImmutableDictionary<string, ImmutableSortedDictionary<NamespacedName, StoredObject>> Resources)
{
    public static readonly ImmutableSortedDictionary<NamespacedName, StoredObject> Nothing =
        ImmutableSortedDictionary<NamespacedName, StoredObject>.Empty;

    public ImmutableSortedDictionary<NamespacedName, StoredObject> Of(string resource) =>
        Resources.GetValueOrDefault(resource, Nothing);

    public StoredObject? Get(string resource, NamespacedName key) => Of(resource).GetValueOrDefault(key);
}
