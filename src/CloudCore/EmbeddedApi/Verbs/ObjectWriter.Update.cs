using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.ManagedFields;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

internal sealed partial class ObjectWriter
{
    /// <summary>Makes the wanted object from a copy of the present one, in the resource's own form.</summary>
    public delegate JsonObject Change(JsonObject present);

    /// <summary>
    /// Changes an object that is there. Where the wanted object names a resourceVersion, it must be the newest; where
    /// it does not, the change is made to whatever is newest.
    /// </summary>
    /// <param name="context">What and where.</param>
    /// <param name="subresource"><c>status</c> writes only the status; empty writes everything but the status.</param>
    /// <param name="change">Called again where another writer came first.</param>
    /// <param name="cancellationToken">Ends the wait for a place in the queue.</param>
    public async Task<StoredObject> UpdateAsync(
        WriteContext context, string subresource, Change change, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(context, cancellationToken);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var stored = store.State.Get(context.Resource.StorageName, context.Key)
                ?? throw ApiException.NotFound(context.Resource, context.Key.Name);
            var old = ReadOld(context.Resource, stored);
            var next = PrepareUpdate(context, subresource, stored, old, change);
            context.Resource.PruneForStorage?.Invoke(next);
            if (JsonNode.DeepEquals(old, next) && IsUpToDate(context.Resource, stored))
            {
                return stored;
            }

            if (context.DryRun)
            {
                return Pretend(context, next, stored.ResourceVersion);
            }

            var mutation = Put(context, next, stored.ResourceVersion) with { Remove = IsFinished(context.Resource, next) };
            var result = await store.CommitAsync(mutation, cancellationToken);
            if (result.Outcome == CommitOutcome.Committed)
            {
                return result.Object!;
            }
        }

        throw ApiException.Modified(context.Resource, context.Key.Name);
    }

    private JsonObject PrepareUpdate(
        WriteContext context, string subresource, StoredObject stored, JsonObject old, Change change)
    {
        var resource = context.Resource;
        var present = stored.Parse();
        resource.FromStorage?.Invoke(present);
        var next = change(present);
        context.CheckKind(next);
        CheckIdentity(context, stored, next.Object("metadata")!);
        context.Conform(next);
        CheckFixed(context, old.Object("metadata")!, next.Object("metadata")!);
        resource.ToStorage?.Invoke(next);
        if (subresource.Length > 0)
        {
            return TakePart(context, subresource, stored, old, next);
        }

        KeepOwned(resource, old, next);
        resource.Default?.Invoke(next);
        Complete(resource, next);
        FieldTracking.Update(context, "", stored, old, next, next, Now);
        TakeSteps(context, next, old);
        resource.PrepareUpdate?.Invoke(next, old);
        Admit(context, AdmissionOperation.Update, "", next, old);
        CountGeneration(resource, old, next);
        Validate(context, next, old);
        return next;
    }

    /// <summary>A subresource's write touches its own part and nothing else.</summary>
    private JsonObject TakePart(WriteContext context, string subresource, StoredObject stored, JsonObject old, JsonObject next)
    {
        var whole = ReadOld(context.Resource, stored);
        if (!context.Resource.PartialWrites.TryGetValue(subresource, out var write))
        {
            var part = next[subresource];
            next.Remove(subresource);
            whole.SetOrRemove(subresource, part);
            context.Resource.DefaultStatus?.Invoke(whole);
            if (subresource == "status" && TakeMetadata(context.Resource, whole.Object("metadata")!, next.Object("metadata")!))
            {
                Validate(context, whole, old);
            }

            Complete(context.Resource, whole);
            FieldTracking.Update(context, subresource, stored, old, whole, next, Now);
            Admit(context, AdmissionOperation.Update, subresource, whole, old);
            return whole;
        }

        write.Take(whole, next);
        Complete(context.Resource, whole);
        FieldTracking.Update(context, subresource, stored, old, whole, next, Now);
        Admit(context, AdmissionOperation.Update, subresource, whole, old);
        CountGeneration(context.Resource, old, whole);
        if (write.Validate is { } validate)
        {
            context.Resource.Default?.Invoke(whole);
            var errors = new Validation.FieldErrors();
            validate(whole, old, errors);
            errors.ThrowIfAny(context.Resource, context.Key.Name);
        }

        return whole;
    }

    /// <summary>Whether anything of it has changed.</summary>
    private static bool TakeMetadata(ResourceDescriptor resource, JsonObject whole, JsonObject next)
    {
        var changed = false;
        foreach (var member in resource.StatusMetadata)
        {
            if (!JsonNode.DeepEquals(whole[member], next[member]))
            {
                whole.SetOrRemove(member, next[member]?.DeepClone());
                changed = true;
            }
        }

        return changed;
    }

    private static void CountGeneration(ResourceDescriptor resource, JsonObject old, JsonObject next)
    {
        if (resource.TracksGeneration && !SameSpec(resource, old, next))
        {
            var metadata = next.Object("metadata")!;
            metadata["generation"] = (metadata.Number("generation") ?? 0) + 1;
        }
    }

    /// <summary>What is there, in the form in which it would be stored now: a definition's newer schema may have given it defaults.</summary>
    private static JsonObject ReadOld(ResourceDescriptor resource, StoredObject stored)
    {
        var node = stored.Parse();
        if (!IsUpToDate(resource, stored))
        {
            resource.FromStorage!(node);
            resource.ToStorage!(node);
        }

        Complete(resource, node);
        return node;
    }

    private static bool IsUpToDate(ResourceDescriptor resource, StoredObject stored) =>
        resource.Form is null || (resource.WritesForm is { } form && stored.IsStoredIn(form));

    /// <summary>The name, uid and version that the body names must be those of the object.</summary>
    private static void CheckIdentity(WriteContext context, StoredObject stored, JsonObject metadata)
    {
        var name = metadata.Text("name") ?? "";
        if (name != context.Key.Name)
        {
            throw ApiException.BadRequest(name.Length == 0
                ? "the name of the object must be given in metadata.name"
                : $"the name of the object ({name}) does not match the name on the URL ({context.Key.Name})");
        }

        CheckNamespace(context, metadata);
        var uid = metadata.Text("uid") ?? "";
        if (uid.Length > 0 && uid != stored.Uid && !context.IsPatch && !context.IsApplied)
        {
            throw ApiException.Conflict(
                context.Resource, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored.Uid}");
        }

        var version = metadata.Text("resourceVersion") ?? "";
        if (version is "" or "0" && context.Resource.UpdateNeedsVersion)
        {
            var errors = new Validation.FieldErrors();
            errors.Add(new CustomResources.Schemas.FieldProblem("FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update"));
            errors.ThrowIfAny(context.Resource, name);
        }

        if (version.Length > 0 && version != "0" && version != stored.ResourceVersion.ToString(System.Globalization.CultureInfo.InvariantCulture))
        {
            throw ApiException.Modified(context.Resource, name);
        }
    }

    /// <summary>What belongs to the server stays as it was, whatever the body says.</summary>
    private static void KeepOwned(ResourceDescriptor resource, JsonObject old, JsonObject next)
    {
        var before = old.Object("metadata")!;
        var after = next.Object("metadata")!;
        foreach (var owned in (string[])
            ["resourceVersion", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"])
        {
            after.SetOrRemove(owned, before[owned]?.DeepClone());
        }

        after.Remove("selfLink");
        if (resource.HasStatus)
        {
            next.SetOrRemove("status", old["status"]?.DeepClone());
        }
    }

    /// <summary>Kubernetes takes a wish to delete, or for another identity, for a mistake.</summary>
    private static void CheckFixed(WriteContext context, JsonObject before, JsonObject after)
    {
        var errors = new Validation.FieldErrors();
        if (after.Text("uid") is { Length: > 0 } uid && uid != before.Text("uid"))
        {
            errors.Invalid("metadata.uid", uid, "field is immutable");
        }

        foreach (var member in (string[])["deletionTimestamp", "deletionGracePeriodSeconds"])
        {
            // where the object is on its way out, the time that it goes at is kept
            if (after[member] is { } wanted && !JsonNode.DeepEquals(wanted, before[member]) && (member != "deletionTimestamp" || before[member] is null))
            {
                errors.Invalid($"metadata.{member}", wanted, "field is immutable");
            }
        }

        errors.ThrowIfAny(context.Resource, context.Key.Name);
    }

    private static bool SameSpec(ResourceDescriptor resource, JsonObject old, JsonObject next)
    {
        if (resource.CountedMetadata.Any(m => !JsonNode.DeepEquals(old.Object("metadata")![m], next.Object("metadata")![m])))
        {
            return false;
        }

        foreach (var name in old.Select(m => m.Key).Union(next.Select(m => m.Key)))
        {
            if (name != "metadata" && (name != "status" || !resource.HasStatus) && !JsonNode.DeepEquals(old[name], next[name]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether an object on its way out has nothing left that holds it.</summary>
    private static bool IsFinished(ResourceDescriptor resource, JsonObject node)
    {
        var metadata = node.Object("metadata")!;
        return metadata["deletionTimestamp"] is not null
            && (metadata.Number("deletionGracePeriodSeconds") ?? 0) == 0
            && !IsHeld(resource, node);
    }

    private static bool IsHeld(ResourceDescriptor resource, JsonObject node) =>
        node.Object("metadata")!.List("finalizers") is { Count: > 0 } || resource.HoldsDeletion?.Invoke(node) == true;
}
