using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.ManagedFields;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>From method and path to the verb, and from the verb's result to the answer.</summary>
internal sealed class ResourceVerbs(
    ObjectStore store, ObjectWriter writer, Renderer renderer, SchemaText schema, Func<ResourceTable> resources, TimeProvider time,
    int maxBodyBytes)
{
    private const int MostApplyAttempts = 4;

    private readonly ScaleVerbs _scale = new(store, writer, renderer, schema.Type("Scale"), maxBodyBytes);
    private readonly EvictionVerbs _eviction = new(store, writer, resources, schema.Type("Eviction"), time, maxBodyBytes);
    private readonly TypeSchema _binding = schema.Type("Binding");
    private readonly TypeSchema _deleteOptions = schema.Type("DeleteOptions");
    private readonly ObjectReads _reads = new(store, renderer);
    private readonly ObjectWatch _watch = new(store, renderer, time);

    /// <summary>Serves the streams of a pod (log, exec, attach, portforward); null where nothing does.</summary>
    public Func<ApiRequest, StoredObject, Task>? PodStreams { get; set; }

    /// <summary>Serves resources whose objects are not stored (metrics.k8s.io); null where nothing does.</summary>
    public Func<ApiRequest, StoreState, Task>? Computed { get; set; }

    public async Task HandleAsync(ApiRequest request)
    {
        if (request.Resource.IsComputed)
        {
            await (Computed ?? throw new ApiException(StatusReason.ServiceUnavailable, "modules.cloudStream is switched off at this hub"))(request, store.State);
            return;
        }

        CheckPlace(request);
        if (request.Resource.DeprecationWarning is { } warning)
        {
            request.Warn(warning);
        }

        var named = request.Path.Name.Length > 0;
        if (!request.Resource.IsStored)
        {
            await CreateOnlyAsync(request, named);
            return;
        }

        if (request.Path.Subresource.Length > 0)
        {
            await HandleSubresourceAsync(request);
            return;
        }

        switch (request.Context.Request.Method)
        {
            case "GET" when request.Path.IsWatch:
                await _watch.WatchAsync(request);
                break;
            case not "GET" when request.Path.IsWatch:
                throw ApiException.MethodNotAllowed();
            case "GET" when named:
                // also with watch: one object is watched by a field selector, as in Kubernetes
                await _reads.GetAsync(request);
                break;
            case "GET" when request.QueryIsTrue("watch"):
                await _watch.WatchAsync(request);
                break;
            case "GET":
                await _reads.ListAsync(request);
                break;
            case "POST" when !named:
                await CreateAsync(request);
                break;
            case "PUT" when named:
                await UpdateAsync(request);
                break;
            case "PATCH" when named:
                await PatchAsync(request);
                break;
            case "DELETE" when named:
                await DeleteAsync(request);
                break;
            case "DELETE" when request.Resource.Verbs.Contains("deletecollection"):
                await DeleteCollectionAsync(request);
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    /// <summary>At the start: an object of the server's own, where it is not there yet.</summary>
    public async Task EnsureAsync(ResourceDescriptor resource, JsonObject body)
    {
        var key = new NamespacedName("", body.Object("metadata")!.Text("name")!);
        if (store.State.Get(resource.StorageName, key) is null)
        {
            await writer.CreateAsync(new WriteContext(resource, key, false, "Ignore", _ => { }), body, CancellationToken.None);
        }
    }

    /// <summary>A namespaced object is written below its namespace, a cluster-scoped one never.</summary>
    private static void CheckPlace(ApiRequest request)
    {
        var hasNamespace = request.Path.Namespace.Length > 0;
        var whole = request.Path.Name.Length == 0 && request.Context.Request.Method == "GET";
        if (request.Resource.Namespaced ? !hasNamespace && !whole : hasNamespace)
        {
            throw hasNamespace || request.Path.Name.Length > 0 || request.Resource.Definition is not null ? ApiException.NoSuchResource() : ApiException.MethodNotAllowed();
        }
    }

    private async Task HandleSubresourceAsync(ApiRequest request)
    {
        if (!request.Resource.Subresources.Contains(request.Path.Subresource))
        {
            throw request.Resource.Definition is null ? ApiException.NoSuchResource() : ApiException.NotFound(request.Resource, request.Path.Name);
        }

        switch (request.Context.Request.Method, request.Path.Subresource)
        {
            case (_, "scale"):
                await _scale.HandleAsync(request);
                break;
            case ("POST", "eviction"):
                await _eviction.EvictAsync(request);
                break;
            case (_, "log" or "exec" or "attach" or "portforward"):
                var pod = store.State.Get(request.Resource.StorageName, request.Key) ?? throw ApiException.NotFound(request.Resource, request.Path.Name);
                await (PodStreams ?? throw new ApiException(StatusReason.ServiceUnavailable, "modules.cloudStream is switched off at this hub"))(request, pod);
                break;
            case ("POST", "binding"):
                await BindAsync(request, request.Path.Name);
                break;
            case ("GET", _) when OffersPart(request, "get"):
                await _reads.GetAsync(request);
                break;
            case ("PUT", _) when OffersPart(request, "update"):
                await UpdateAsync(request);
                break;
            case ("PATCH", _) when OffersPart(request, "patch"):
                await PatchAsync(request);
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    /// <summary>Whether the subresource is a part of the object, and may be read or written so.</summary>
    private static bool OffersPart(ApiRequest request, string verb) => request.Path.Subresource == "status"
        || (request.Resource.PartialWrites.TryGetValue(request.Path.Subresource, out var write) && write.Verbs.Contains(verb));

    /// <summary>Resources whose objects are not kept: creating one does something.</summary>
    private async Task CreateOnlyAsync(ApiRequest request, bool named)
    {
        if (named || request.Context.Request.Method != "POST" || request.Resource.Plural != "bindings")
        {
            throw ApiException.MethodNotAllowed();
        }

        var pods = resources().Find("", "v1", "pods")!;
        await BindAsync(new ApiRequest(request.Context, request.Path, pods) { User = request.User, DemandCreate = request.DemandCreate }, null);
    }

    private async Task CreateAsync(ApiRequest request)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, request.Resource.TakesProtobuf ? request.Resource.Schema : null);
        await renderer.RespondAsync(request, 201, await writer.CreateAsync(WriteContext.Of(request), body, request.Aborted));
    }

    private async Task UpdateAsync(ApiRequest request)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, request.Resource.TakesProtobuf ? request.Resource.Schema : null);
        var context = WriteContext.Of(request);
        if (request.Resource.CreatesOnUpdate && request.Path.Subresource.Length == 0 && store.State.Get(request.Resource.StorageName, request.Key) is null)
        {
            request.DemandCreate();
            await renderer.RespondAsync(request, 201, await writer.CreateAsync(context, body, request.Aborted));
            return;
        }

        // an attempt uses its tree up, and a lost race needs another; a tree that nobody has looked into is cheap to copy
        var stored = await writer.UpdateAsync(
            context, request.Path.Subresource, _ => (JsonObject)body.DeepClone(), request.Aborted);
        await renderer.RespondAsync(request, 200, stored);
    }

    private async Task PatchAsync(ApiRequest request)
    {
        var patch = await PatchBody.ReadAsync(request, maxBodyBytes);
        if (patch.Applies)
        {
            await ApplyAsync(request, patch);
            return;
        }

        FieldManagerName.CheckOtherPatch(request);
        var context = WriteContext.Of(request) with { QuotePatch = patch.Quote };
        var stored = await writer.UpdateAsync(
            context, request.Path.Subresource, present => patch.Apply(present, request.Resource), request.Aborted);
        await renderer.RespondAsync(request, 200, stored);
    }

    /// <summary>Server-side apply: changes the object, or creates it where it is not there.</summary>
    private async Task ApplyAsync(ApiRequest request, PatchBody patch)
    {
        var force = FieldManagerName.CheckApply(request);
        var context = WriteContext.Of(request) with { IsApplied = true };
        var apply = new ServerSideApply(context, request.Path.Subresource, patch.AsObject(), force);
        for (var attempt = 0; ; attempt++)
        {
            var creates = request.Path.Subresource.Length == 0 && store.State.Get(request.Resource.StorageName, request.Key) is null;
            if (creates)
            {
                request.DemandCreate();
            }

            try
            {
                var stored = creates
                    ? await writer.CreateAsync(context, apply.Create(writer.Now), request.Aborted)
                    : await writer.UpdateAsync(
                        context, request.Path.Subresource, present => apply.To(present, writer.Now), request.Aborted);
                await renderer.RespondAsync(request, creates ? 201 : 200, stored);
                return;
            }
            catch (ApiException e) when (attempt < MostApplyAttempts
                && request.Path.Subresource.Length == 0
                && e.Reason == (creates ? StatusReason.AlreadyExists : StatusReason.NotFound))
            {
                // somebody created or removed it meanwhile: the other way round
            }
        }
    }

    private async Task DeleteAsync(ApiRequest request)
    {
        var options = await DeleteOptions.ReadAsync(request, maxBodyBytes, _deleteOptions);
        if (options.PropagationPolicy is null && request.Resource.DeletionWarning is { } warning)
        {
            request.Warn(warning);
        }

        var result = await writer.DeleteAsync(WriteContext.Of(request), options, request.Aborted);
        if (!result.Removed || request.Resource.ReturnsDeletedObject)
        {
            await renderer.RespondAsync(request, 200, result.Object);
            return;
        }

        await request.RespondAsync(200, StatusWriter.Success(new StatusDetails
        {
            Name = request.Path.Name,
            Group = request.Resource.Group.Length == 0 ? null : request.Resource.Group,
            Kind = request.Resource.Plural,
            Uid = result.Object.Uid,
        }));
    }

    private async Task DeleteCollectionAsync(ApiRequest request)
    {
        var filter = ObjectReads.FilterOf(request);
        var options = await DeleteOptions.ReadAsync(request, maxBodyBytes, _deleteOptions);
        var context = WriteContext.Of(request);
        var limit = Math.Max(request.QueryNumber("limit") ?? 0, 0);
        var rules = ListRules.Of(request, store.State.Revision, limit);
        var page = _reads.Page(request.Resource.StorageName, filter, rules, limit);
        var deleted = new List<StoredObject>(page.Items.Count);
        var isConditional = options.Uid is not null || options.ResourceVersion is not null;
        foreach (var stored in page.Items)
        {
            try
            {
                await writer.DeleteAsync(context with { Key = stored.Key }, options with { Uid = options.Uid ?? stored.Uid }, request.Aborted);

                // as it was found, as Kubernetes answers
                deleted.Add(stored);
            }
            catch (ApiException e) when (e.Reason is StatusReason.NotFound || (e.Reason is StatusReason.Conflict && !isConditional))
            {
                // somebody else removed it first
            }
        }

        await renderer.RespondAsync(request, page with { Items = deleted, Revision = store.State.Revision });
    }

    /// <summary>A scheduler says where a pod runs: by pods/NAME/binding, or by creating a Binding of that name.</summary>
    private async Task BindAsync(ApiRequest request, string? name)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, _binding);
        var metadata = body.Object("metadata") ?? [];
        var pod = metadata.Text("name") is { Length: > 0 } given ? given : name ?? "";
        if (name is not null && pod != name)
        {
            throw ApiException.BadRequest("name in URL does not match name in Binding object");
        }

        if (body.Object("target")?.Text("kind") is not (null or "" or "Node") and var kind)
        {
            throw ApiException.BadRequest($"target.kind: Unsupported value: \"{kind}\": supported values: \"Node\", \"<empty>\"");
        }

        var node = body.Object("target")?.Text("name") is { Length: > 0 } target
            ? target
            : throw ApiException.BadRequest("target.name: Required value");
        var context = WriteContext.Of(request) with { Key = request.Key with { Name = pod } };
        await writer.BindAsync(context, node, metadata, request.Aborted);
        await request.RespondAsync(201, StatusWriter.Created());
    }
}
