using System.Security.Cryptography;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.ManagedFields;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

internal sealed partial class ObjectWriter
{
    // no vowels and no look-alikes, as Kubernetes has it
    private const string SuffixCharacters = "bcdfghjklmnpqrstvwxz2456789";
    private const int SuffixLength = 5;
    private const int LongestGeneratedBase = 63 - SuffixLength;
    private const int MostNameAttempts = 8;

    /// <summary>Stores a new object. <paramref name="body"/> becomes this method's own.</summary>
    public async Task<StoredObject> CreateAsync(WriteContext context, JsonObject body, CancellationToken cancellationToken)
    {
        context.CheckKind(body);
        var metadata = body.Object("metadata")!;
        CheckNamespace(context, metadata);
        if (metadata.Text("resourceVersion") is { Length: > 0 })
        {
            throw ApiException.BadRequest("resourceVersion should not be set on objects to be created");
        }

        CheckNamespaceIsThere(context, metadata);
        if (context.Resource.IsTerminating)
        {
            throw ApiException.DefinitionTerminating(context.Resource, metadata.Text("name") ?? "");
        }

        var prefix = metadata.Text("name") is { Length: > 0 } ? null : metadata.Text("generateName");
        using var turn = context.Resource.OneWriterAtATime ? await TurnAsync(context, cancellationToken) : default;
        for (var attempt = 0; ; attempt++)
        {
            if (prefix is { Length: > 0 })
            {
                metadata["name"] = Generate(prefix);
            }

            context = context with { Key = context.Key with { Name = metadata.Text("name") ?? "" } };
            if (attempt == 0)
            {
                PrepareCreate(context, body);
            }

            Validate(context, body, null);
            if (context.DryRun)
            {
                CheckDryRun(context);
                return Pretend(context, body, 0);
            }

            context.Resource.PruneForStorage?.Invoke(body);
            var result = await store.CommitAsync(Put(context, body, 0), cancellationToken);
            if (result.Outcome == CommitOutcome.Committed)
            {
                return result.Object!;
            }

            if (result.Outcome != CommitOutcome.Stale)
            {
                throw Refuse(context, result.Outcome);
            }

            if (prefix is null or "" || attempt >= MostNameAttempts)
            {
                throw ApiException.AlreadyExists(context.Resource, context.Key.Name);
            }
        }
    }

    private static string Generate(string prefix) =>
        (prefix.Length > LongestGeneratedBase ? prefix[..LongestGeneratedBase] : prefix)
        + RandomNumberGenerator.GetString(SuffixCharacters, SuffixLength);

    private static void CheckNamespace(WriteContext context, JsonObject metadata)
    {
        var given = metadata.Text("namespace") ?? "";
        if (given.Length > 0 && given != context.Key.Namespace)
        {
            throw ApiException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        metadata.SetOrRemove("namespace", context.Key.Namespace.Length == 0 ? null : context.Key.Namespace);
    }

    private void CheckDryRun(WriteContext context)
    {
        if (store.State.Get(context.Resource.StorageName, context.Key) is not null)
        {
            throw ApiException.AlreadyExists(context.Resource, context.Key.Name);
        }

    }

    /// <summary>Before all other checks, as Kubernetes has it; the commit looks again.</summary>
    private void CheckNamespaceIsThere(WriteContext context, JsonObject metadata)
    {
        if (!context.Resource.Namespaced)
        {
            return;
        }

        var outcome = store.State.Get(ObjectStore.NamespaceResource, new NamespacedName("", context.Key.Namespace)) is not { } found
            ? CommitOutcome.NamespaceMissing
            : found.Fields(StateDraft.DeletionPath)[0].Length > 0 ? CommitOutcome.NamespaceTerminating : CommitOutcome.Committed;
        if (outcome != CommitOutcome.Committed)
        {
            throw Refuse(context with { Key = context.Key with { Name = metadata.Text("name") ?? "" } }, outcome);
        }
    }

    private void PrepareCreate(WriteContext context, JsonObject body)
    {
        var resource = context.Resource;
        context.Conform(body);
        var metadata = body.Object("metadata")!;
        foreach (var owned in (string[])["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"])
        {
            metadata.Remove(owned);
        }

        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Now;
        if (resource.TracksGeneration)
        {
            metadata["generation"] = 1L;
        }

        if (resource.HasStatus && !resource.KeepsStatusOnCreate)
        {
            body.Remove("status");
        }

        resource.ToStorage?.Invoke(body);
        resource.Default?.Invoke(body);
        Complete(resource, body, nullsForLists: false);
        FieldTracking.Create(context, body, Now);
        TakeSteps(context, body, null);
        resource.PrepareCreate?.Invoke(body);
        Complete(resource, body);
        Admit(context, AdmissionOperation.Create, "", body, null);
    }
}
