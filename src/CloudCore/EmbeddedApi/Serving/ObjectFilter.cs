using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Which objects a list or watch is about.</summary>
/// <param name="Namespace">Empty for all.</param>
/// <param name="Name">One name; null for all.</param>
/// <param name="Labels">What the labels must be.</param>
/// <param name="Fields">What single fields must be.</param>
internal sealed record ObjectFilter(string Namespace, string? Name, LabelSelector Labels, FieldSelector Fields)
{
    /// <summary>Whether labels or fields are asked for; then Kubernetes does not say how many more there are.</summary>
    public bool HasSelectors => !Labels.IsEverything || !Fields.IsEverything;

    public bool Matches(StoredObject stored) => MatchesKey(stored) && Labels.Matches(stored) && Fields.Matches(stored);

    /// <summary>Whether the object could match at some version.</summary>
    public bool MatchesKey(StoredObject stored) =>
        (Namespace.Length == 0 || stored.Key.Namespace == Namespace) && (Name is null || stored.Key.Name == Name);
}
