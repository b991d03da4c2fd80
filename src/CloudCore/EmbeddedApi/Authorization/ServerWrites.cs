using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>Writes that the server makes itself: validated like everybody's, asked about by no admission.</summary>
internal sealed class ServerWrites(ObjectStore store, ObjectWriter writer, Func<ResourceTable> resources)
{
    public ResourceDescriptor Resource(string group, string plural) => resources().Find(group, "v1", plural)
        ?? throw new InvalidOperationException($"{plural}.{group} is not served");

    public StoredObject? Get(ResourceDescriptor resource, string ns, string name) => store.State.Get(resource.StorageName, new NamespacedName(ns, name));

    /// <summary>Creates the object; false where it is there already, or its namespace is gone or going.</summary>
    public async Task<bool> TryCreateAsync(ResourceDescriptor resource, string ns, JsonObject body, CancellationToken cancellationToken)
    {
        try
        {
            await writer.CreateAsync(Context(resource, ns, ""), body, cancellationToken);
            return true;
        }
        catch (ApiException e) when (e.Reason is StatusReason.AlreadyExists or StatusReason.NotFound or StatusReason.Forbidden)
        {
            return false;
        }
    }

    /// <summary>Changes the object; false where it is gone.</summary>
    public async Task<bool> TryUpdateAsync(
        ResourceDescriptor resource, NamespacedName key, string subresource, ObjectWriter.Change change, CancellationToken cancellationToken)
    {
        try
        {
            await writer.UpdateAsync(Context(resource, key.Namespace, key.Name), subresource, change, cancellationToken);
            return true;
        }
        catch (ApiException e) when (e.Reason is StatusReason.NotFound)
        {
            return false;
        }
    }

    /// <summary>Deletes this very object; one that is gone is no failure.</summary>
    public async Task DeleteAsync(ResourceDescriptor resource, StoredObject stored, CancellationToken cancellationToken)
    {
        try
        {
            await writer.DeleteAsync(Context(resource, stored.Key.Namespace, stored.Key.Name), new DeleteOptions { Uid = stored.Uid }, cancellationToken);
        }
        catch (ApiException e) when (e.Reason is StatusReason.NotFound or StatusReason.Conflict)
        {
            // gone, or made again meanwhile
        }
    }

    private static WriteContext Context(ResourceDescriptor resource, string ns, string name) =>
        new(resource, new NamespacedName(ns, name), false, "Ignore", _ => { });
}
