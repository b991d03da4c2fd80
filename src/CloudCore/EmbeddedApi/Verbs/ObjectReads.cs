using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>get and list: from the newest committed state, without a lock.</summary>
internal sealed class ObjectReads(ObjectStore store, Renderer renderer)
{
    public async Task GetAsync(ApiRequest request)
    {
        var stored = store.State.Get(request.Resource.StorageName, request.Key)
            ?? throw ApiException.NotFound(request.Resource, request.Path.Name);
        await renderer.RespondAsync(request, 200, stored);
    }

    public async Task ListAsync(ApiRequest request)
    {
        var state = store.State;
        var token = request.Query("continue") is { Length: > 0 } text ? ContinueToken.Parse(text) : null;
        CheckVersion(request, state.Revision, token is not null);
        var limit = request.QueryNumber("limit") is > 0 and var asked ? asked : long.MaxValue;
        var filter = FilterOf(request);
        await renderer.RespondAsync(request, Page(request.Resource.StorageName, state, filter, token, limit));
    }

    /// <summary>What a list, watch or deletecollection is about.</summary>
    public static ObjectFilter FilterOf(ApiRequest request) => new(
        request.Path.Namespace,
        request.Path.Name.Length > 0 ? request.Path.Name : null,
        LabelSelector.Parse(request.Query("labelSelector")),
        FieldSelector.Parse(request.Query("fieldSelector"), request.Resource));

    /// <summary>The objects that match.</summary>
    public static ListPage Page(string resource, StoreState state, ObjectFilter filter, ContinueToken? token, long limit)
    {
        var items = new List<StoredObject>();
        var remaining = 0L;
        if (filter.Fields.Name is { } name && filter.Namespace.Length > 0)
        {
            // kubectl's rollout and wait, and every controller that follows one object, ask like this
            var one = state.Get(resource, new NamespacedName(filter.Namespace, name));
            return new ListPage(one is not null && filter.Matches(one) ? [one] : [], state.Revision, null, null);
        }

        foreach (var (key, stored) in state.Of(resource))
        {
            if ((token is not null && key.CompareTo(token.After) <= 0) || !filter.Matches(stored))
            {
                continue;
            }

            if (items.Count < limit)
            {
                items.Add(stored);
            }
            else
            {
                remaining++;
            }
        }

        var revision = token?.Revision ?? state.Revision;
        return new ListPage(
            items, revision, remaining > 0 ? new ContinueToken(revision, items[^1].Key) : null, remaining > 0 ? remaining : null);
    }

    /// <summary>A list is always of the newest state, which serves every rule but "exactly that old one".</summary>
    private static void CheckVersion(ApiRequest request, long newest, bool continued)
    {
        var match = request.Query("resourceVersionMatch");
        var asked = request.QueryNumber("resourceVersion");
        if (match.Length > 0 && asked is null)
        {
            throw ApiException.BadRequest("resourceVersionMatch is forbidden unless resourceVersion is provided");
        }

        if (continued && asked is > 0)
        {
            throw ApiException.BadRequest("specifying resource version is not allowed when using continue");
        }

        if (asked > newest)
        {
            throw new ApiException(
                StatusReason.Timeout,
                FormattableString.Invariant($"Timeout: Too large resource version: {asked}, current: {newest}"),
                new Protocol.Kubernetes.StatusDetails
                {
                    RetryAfterSeconds = 1,
                    Causes = [new() { Reason = "ResourceVersionTooLarge", Message = "Too large resource version" }],
                });
        }

        if (match == "Exact" && asked < newest)
        {
            throw ApiException.Expired(
                FormattableString.Invariant($"The provided resource version {asked} is not kept: lists are of the newest version, {newest}"));
        }
    }
}
