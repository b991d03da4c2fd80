using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>From method and path to the verb, and from the verb's result to the answer.</summary>
internal sealed class ResourceVerbs(ObjectStore store, ObjectWriter writer, SchemaText schema, TimeProvider time, int maxBodyBytes)
{
    private readonly TypeSchema _binding = schema.Type("Binding");
    private readonly TypeSchema _deleteOptions = schema.Type("DeleteOptions");
    private readonly Renderer _renderer = new(time);
    private readonly ObjectReads _reads = new(store, new Renderer(time));
    private readonly ObjectWatch _watch = new(store, new Renderer(time), time);

    public async Task HandleAsync(ApiRequest request)
    {
        CheckPlace(request);
        var named = request.Path.Name.Length > 0;
        if (request.Path.Subresource.Length > 0)
        {
            await HandleSubresourceAsync(request);
            return;
        }

        switch (request.Context.Request.Method)
        {
            case "GET" when request.QueryIsTrue("watch"):
                await _watch.WatchAsync(request);
                break;
            case "GET" when named:
                await _reads.GetAsync(request);
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
            case "DELETE":
                await DeleteCollectionAsync(request);
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    /// <summary>At the first start.</summary>
    public async Task CreateNamespacesAsync(ResourceDescriptor resource, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            var context = new WriteContext(resource, new NamespacedName("", name), false, "Ignore", _ => { });
            await writer.CreateAsync(
                context, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } }, CancellationToken.None);
        }
    }

    /// <summary>A namespaced object is written below its namespace, a cluster-scoped one never.</summary>
    private static void CheckPlace(ApiRequest request)
    {
        var hasNamespace = request.Path.Namespace.Length > 0;
        var whole = request.Path.Name.Length == 0 && request.Context.Request.Method == "GET";
        if (request.Resource.Namespaced ? !hasNamespace && !whole : hasNamespace)
        {
            throw hasNamespace || request.Path.Name.Length > 0 ? ApiException.NoSuchResource() : ApiException.MethodNotAllowed();
        }
    }

    private async Task HandleSubresourceAsync(ApiRequest request)
    {
        if (!request.Resource.Subresources.Contains(request.Path.Subresource))
        {
            throw ApiException.NoSuchResource();
        }

        switch (request.Context.Request.Method, request.Path.Subresource)
        {
            case ("GET", "status"):
                await _reads.GetAsync(request);
                break;
            case ("PUT", "status"):
                await UpdateAsync(request);
                break;
            case ("PATCH", "status"):
                await PatchAsync(request);
                break;
            case ("POST", "binding"):
                await BindAsync(request);
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    private async Task CreateAsync(ApiRequest request)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, request.Resource.Schema);
        await _renderer.RespondAsync(request, 201, await writer.CreateAsync(WriteContext.Of(request), body, request.Aborted));
    }

    private async Task UpdateAsync(ApiRequest request)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, request.Resource.Schema);
        var context = WriteContext.Of(request);
        if (request.Resource.CreatesOnUpdate && store.State.Get(request.Resource.StorageName, request.Key) is null)
        {
            await _renderer.RespondAsync(request, 201, await writer.CreateAsync(context, body, request.Aborted));
            return;
        }

        var used = false;
        var stored = await writer.UpdateAsync(
            context,
            request.Path.Subresource,
            _ =>
            {
                // the tree is used up by the first attempt; only a lost race needs another
                var next = used ? throw ApiException.Modified(request.Resource, request.Path.Name) : body;
                used = body.Object("metadata")?.Text("resourceVersion") is not { Length: > 0 };
                return used ? (JsonObject)next.DeepClone() : next;
            },
            request.Aborted);
        await _renderer.RespondAsync(request, 200, stored);
    }

    private async Task PatchAsync(ApiRequest request)
    {
        var patch = await PatchBody.ReadAsync(request, maxBodyBytes);
        var context = WriteContext.Of(request);
        if (patch.Creates)
        {
            request.Warn("server-side apply merges the fields that are given; this server keeps no field managers, so a field that is left out stays");
            if (store.State.Get(request.Resource.StorageName, request.Key) is null && request.Path.Subresource.Length == 0)
            {
                await _renderer.RespondAsync(request, 201, await writer.CreateAsync(context, patch.AsObject(), request.Aborted));
                return;
            }
        }

        var stored = await writer.UpdateAsync(
            context, request.Path.Subresource, present => patch.Apply(present, request.Resource), request.Aborted);
        await _renderer.RespondAsync(request, 200, stored);
    }

    private async Task DeleteAsync(ApiRequest request)
    {
        var options = await DeleteOptions.ReadAsync(request, maxBodyBytes, _deleteOptions);
        var result = await writer.DeleteAsync(WriteContext.Of(request), options, request.Aborted);
        if (!result.Removed || request.Resource.ReturnsDeletedObject)
        {
            await _renderer.RespondAsync(request, 200, result.Object);
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
        var page = ObjectReads.Page(request.Resource.StorageName, store.State, filter, null, long.MaxValue);
        var deleted = new List<StoredObject>(page.Items.Count);
        foreach (var stored in page.Items)
        {
            try
            {
                var result = await writer.DeleteAsync(context with { Key = stored.Key }, options with { Uid = stored.Uid }, request.Aborted);
                deleted.Add(result.Object);
            }
            catch (ApiException e) when (e.Reason is StatusReason.NotFound or StatusReason.Conflict)
            {
                // somebody else removed it first
            }
        }

        await _renderer.RespondAsync(request, page with { Items = deleted, Revision = store.State.Revision });
    }

    /// <summary>pods/binding: a scheduler says where a pod runs.</summary>
    private async Task BindAsync(ApiRequest request)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, _binding);
        var node = body.Object("target")?.Text("name") is { Length: > 0 } name
            ? name
            : throw ApiException.BadRequest("target.name must name the node");
        await writer.BindAsync(WriteContext.Of(request), node, body.Object("metadata")?.Text("uid"), request.Aborted);
        await request.RespondAsync(201, StatusWriter.Created());
    }
}
