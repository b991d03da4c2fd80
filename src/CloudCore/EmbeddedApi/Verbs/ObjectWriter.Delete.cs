using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>How a delete ended.</summary>
/// <param name="Object">The last version, or the one that is on its way out.</param>
/// <param name="Removed">Whether it is gone.</param>
internal readonly record struct DeleteResult(StoredObject Object, bool Removed);

internal sealed partial class ObjectWriter
{
    private const string ForegroundFinalizer = "foregroundDeletion";
    private const string OrphanFinalizer = "orphan";

    /// <summary>
    /// Removes an object, or, where a grace period or a finalizer holds it, marks it. A marked object goes with the
    /// delete that sets its grace to 0, or with its last finalizer.
    /// </summary>
    public async Task<DeleteResult> DeleteAsync(WriteContext context, DeleteOptions options, CancellationToken cancellationToken)
    {
        if (context.Resource.Undeletable(context.Key.Name) is { } why)
        {
            throw ApiException.Forbidden(context.Resource, context.Key.Name, why);
        }

        using var turn = await TurnAsync(context, cancellationToken);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var stored = store.State.Get(context.Resource.StorageName, context.Key)
                ?? throw ApiException.NotFound(context.Resource, context.Key.Name);
            CheckPreconditions(context, options, stored);
            var node = stored.Parse();
            Admit(context, AdmissionOperation.Delete, "", node, node);
            var changed = !(context.Resource.DeletionIsMarkOnly && node.Object("metadata")!["deletionTimestamp"] is null)
                && SetFinalizers(node.Object("metadata")!, options.PropagationPolicy, context.Resource.DefaultPropagation);
            var grace = Grace(context.Resource, node, options);
            var remove = grace == 0 && !IsHeld(context.Resource, node);
            if (!remove && !(Mark(context.Resource, node, grace) || changed))
            {
                return new DeleteResult(stored, false);
            }

            if (remove && context.Resource.DeletionGrace is not null)
            {
                // what could have had a grace period is shown as it went: without any
                Mark(context.Resource, node, 0);
            }

            if (context.DryRun || options.DryRun)
            {
                return new DeleteResult(Pretend(context, node, stored.ResourceVersion), remove);
            }

            var mutation = Put(context, node, stored.ResourceVersion) with { Remove = remove };
            var result = await store.CommitAsync(mutation, cancellationToken);
            if (result.Outcome == CommitOutcome.Committed)
            {
                return new DeleteResult(result.Object!, remove);
            }
        }

        throw ApiException.Modified(context.Resource, context.Key.Name);
    }

    private static void CheckPreconditions(WriteContext context, DeleteOptions options, StoredObject stored)
    {
        var version = stored.ResourceVersion.ToString(CultureInfo.InvariantCulture);
        var why = options.Uid is { } uid && uid != stored.Uid
            ? $"the UID in the precondition ({uid}) does not match the UID in record ({stored.Uid}). The object might have been deleted and then recreated"
            : options.ResourceVersion is { } wanted && wanted != version
                ? $"the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). The object might have been modified"
                : null;
        if (why is not null)
        {
            throw ApiException.Conflict(context.Resource with { Plural = context.Resource.Kind }, context.Key.Name, why);
        }
    }

    /// <summary>The seconds that are left or given; a later delete may only shorten them.</summary>
    private static long Grace(ResourceDescriptor resource, JsonObject node, DeleteOptions options)
    {
        var metadata = node.Object("metadata")!;
        if (metadata["deletionTimestamp"] is null)
        {
            return Math.Max(resource.DeletionGrace?.Invoke(node, options.GracePeriodSeconds) ?? 0, 0);
        }

        var present = metadata.Number("deletionGracePeriodSeconds") ?? 0;
        return options.GracePeriodSeconds is { } asked ? Math.Min(present, Math.Max(asked, 0)) : present;
    }

    /// <summary>Writes the wish to delete into the metadata; false where it is there already.</summary>
    private bool Mark(ResourceDescriptor resource, JsonObject node, long grace)
    {
        var metadata = node.Object("metadata")!;
        if (metadata["deletionTimestamp"] is null)
        {
            metadata["deletionTimestamp"] = KubeTime.Format(time.GetUtcNow() + TimeSpan.FromSeconds(grace));
            if (!resource.DeletionIsMarkOnly)
            {
                metadata["deletionGracePeriodSeconds"] = grace;
                if (metadata.Number("generation") is { } generation)
                {
                    metadata["generation"] = generation + 1;
                }
            }

            resource.DeletionBegins?.Invoke(node, KubeTime.Format(time.GetUtcNow()));
            return true;
        }

        if (resource.DeletionIsMarkOnly && metadata["deletionGracePeriodSeconds"] is null)
        {
            // the second delete goes the way of all others
            metadata["deletionGracePeriodSeconds"] = grace;
            return true;
        }

        var present = metadata.Number("deletionGracePeriodSeconds") ?? 0;
        if (grace >= present)
        {
            return false;
        }

        if (KubeTime.TryParse(metadata.Text("deletionTimestamp"), out var due))
        {
            metadata["deletionTimestamp"] = KubeTime.Format(due - TimeSpan.FromSeconds(present - grace));
        }

        metadata["deletionGracePeriodSeconds"] = grace;
        return true;
    }

    /// <summary>
    /// The garbage collector reads the policy from the finalizers. Where the caller says nothing, one that is there already
    /// counts, then the kind's own.
    /// </summary>
    private static bool SetFinalizers(JsonObject metadata, string? policy, string? byDefault)
    {
        var old = (metadata.List("finalizers") ?? []).Select(f => f.AsText() ?? "").ToList();
        if (policy is null)
        {
            if (byDefault != "Orphan" || old.Any(f => f is ForegroundFinalizer or OrphanFinalizer))
            {
                return false;
            }

            policy = byDefault;
        }

        var wanted = old.Where(f => f is not (ForegroundFinalizer or OrphanFinalizer)).ToList();
        if (policy == "Foreground")
        {
            wanted.Add(ForegroundFinalizer);
        }
        else if (policy == "Orphan")
        {
            wanted.Add(OrphanFinalizer);
        }

        if (old.SequenceEqual(wanted))
        {
            return false;
        }

        metadata.SetOrRemove("finalizers", wanted.Count == 0 ? null : new JsonArray([.. wanted.Select(f => JsonValue.Create(f))]));
        return true;
    }
}
