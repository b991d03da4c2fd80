using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>get and list: from committed states, without a lock.</summary>
internal sealed class ObjectReads(ObjectStore store, Renderer renderer)
{
    public async Task GetAsync(ApiRequest request)
    {
        var state = store.State;
        ListRules.DemandReached(ListRules.Version(request), state.Revision);
        var stored = state.Get(request.Resource.StorageName, request.Key)
            ?? throw ApiException.NotFound(request.Resource, request.Path.Name);
        await renderer.RespondAsync(request, 200, stored);
    }

    public async Task ListAsync(ApiRequest request)
    {
        var limit = Math.Max(request.QueryNumber("limit") ?? 0, 0);
        var rules = ListRules.Of(request, store.State.Revision, limit);
        await renderer.RespondAsync(request, Page(request.Resource.StorageName, FilterOf(request), rules, limit));
    }

    /// <summary>What a list, watch or deletecollection is about.</summary>
    public static ObjectFilter FilterOf(ApiRequest request) => new(
        request.Path.Namespace,
        request.Path.Name.Length > 0 ? request.Path.Name : null,
        LabelSelector.Parse(request.Query("labelSelector")),
        FieldSelector.Parse(request.Query("fieldSelector"), request.Resource));

    /// <summary>The objects that match; at most <paramref name="limit"/>, where that is not 0.</summary>
    public ListPage Page(string resource, ObjectFilter filter, ListRules rules, long limit)
    {
        if (filter.Fields.Name is { } name && filter.Namespace.Length > 0 && rules.Exactly is null)
        {
            // kubectl's rollout and wait, and every controller that follows one object, ask like this
            var state = store.State;
            var one = state.Get(resource, new NamespacedName(filter.Namespace, name));
            return new ListPage(one is not null && filter.Matches(one) ? [one] : [], state.Revision, null, null);
        }

        var items = new List<StoredObject>();
        var remaining = 0L;
        var (objects, revision) = rules.Read(store, resource);
        foreach (var (key, stored) in objects)
        {
            if ((rules.Continue is { } token && key.CompareTo(token.After) <= 0) || !filter.Matches(stored))
            {
                continue;
            }

            if (limit == 0 || items.Count < limit)
            {
                items.Add(stored);
            }
            else
            {
                remaining++;
            }
        }

        return remaining == 0
            ? new ListPage(items, revision, null, null)
            : new ListPage(items, revision, new ContinueToken(revision, items[^1].Key), filter.HasSelectors ? null : remaining);
    }
}
