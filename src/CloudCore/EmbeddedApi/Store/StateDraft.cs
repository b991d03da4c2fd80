using System.Collections.Immutable;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>The next state while a commit is being put together: each mutation sees those before it.</summary>
internal sealed class StateDraft(StoreState start)
{
    /// <summary>For <see cref="StoredObject.Fields"/>: whether a namespace is on its way out.</summary>
    public static readonly IReadOnlyList<string> DeletionPath = ["metadata.deletionTimestamp"];

    private readonly Dictionary<string, ImmutableSortedDictionary<NamespacedName, StoredObject>.Builder> _touched = [];
    private long _revision = start.Revision;

    /// <summary>What was accepted, in order.</summary>
    public List<(string Resource, Change Change)> Changes { get; } = [];

    /// <summary>Checks a mutation against the state that it meets and, where it fits, takes it in.</summary>
    public CommitResult Apply(Mutation mutation)
    {
        var current = Get(mutation.Resource, mutation.Key);
        if ((current?.ResourceVersion ?? 0) != mutation.ExpectedVersion)
        {
            return new CommitResult(CommitOutcome.Stale, null);
        }

        if (mutation.NeedsNamespace && RefusedByNamespace(mutation.Key.Namespace) is { } refusal)
        {
            return new CommitResult(refusal, null);
        }

        if (mutation.NeedsDefinition is { } definition && IsGoing(definition))
        {
            return new CommitResult(CommitOutcome.DefinitionTerminating, null);
        }

        var stored = new StoredObject(mutation.Key, mutation.Uid, ++_revision, mutation.Object.WithVersion(_revision));
        if (mutation.Form is { } form)
        {
            stored.MarkStoredIn(form);
        }

        var objects = Touch(mutation.Resource);
        if (mutation.Remove)
        {
            objects.Remove(mutation.Key);
            Changes.Add((mutation.Resource, new Change(ChangeType.Deleted, stored, current)));
        }
        else
        {
            objects[mutation.Key] = stored;
            Changes.Add((mutation.Resource, new Change(current is null ? ChangeType.Added : ChangeType.Modified, stored, current)));
        }

        return new CommitResult(CommitOutcome.Committed, stored);
    }

    public StoreState ToState()
    {
        var resources = start.Resources.ToBuilder();
        foreach (var (resource, objects) in _touched)
        {
            resources[resource] = objects.ToImmutable();
        }

        return new StoreState(_revision, resources.ToImmutable());
    }

    private StoredObject? Get(string resource, NamespacedName key) =>
        _touched.TryGetValue(resource, out var objects) ? objects.GetValueOrDefault(key) : start.Get(resource, key);

    private ImmutableSortedDictionary<NamespacedName, StoredObject>.Builder Touch(string resource)
    {
        if (!_touched.TryGetValue(resource, out var objects))
        {
            _touched[resource] = objects = start.Of(resource).ToBuilder();
        }

        return objects;
    }

    private bool IsGoing(string definition) =>
        Get(ObjectStore.DefinitionResource, new NamespacedName("", definition)) is not { } found || found.Fields(DeletionPath)[0].Length > 0;

    private CommitOutcome? RefusedByNamespace(string name)
    {
        if (Get(ObjectStore.NamespaceResource, new NamespacedName("", name)) is not { } found)
        {
            return CommitOutcome.NamespaceMissing;
        }

        return found.Fields(DeletionPath)[0].Length > 0 ? CommitOutcome.NamespaceTerminating : null;
    }
}
