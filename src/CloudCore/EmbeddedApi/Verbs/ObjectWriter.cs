using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// create, update, patch and delete: prepares the next version from the newest one and hands it to the store, which
/// takes it only if that was still the newest; else it is prepared again. One file per verb.
/// </summary>
internal sealed partial class ObjectWriter(ObjectStore store, AdmissionSettings settings, TimeProvider time)
{
    // writers of one object take turns, so only what does not pass here (a create, the namespace cleaner) can come between
    private const int MostAttempts = 16;

    private readonly KeyedGate<(string Resource, NamespacedName Key)> _turns = new();

    /// <summary>Asked about every write of a user. Set while the server is composed.</summary>
    public Admission? Admission { get; set; }

    /// <summary>The time, as objects have it.</summary>
    public string Now => KubeTime.Format(time.GetUtcNow());

    private static void Validate(WriteContext context, JsonObject node, JsonObject? old)
    {
        var errors = new FieldErrors();
        ObjectMetaRules.Check(context.Resource, node, old, errors);
        context.Resource.Validate?.Invoke(node, old, errors);
        errors.ThrowIfAny(context.Resource, node.Object("metadata")!.Text("name") ?? "");
        foreach (var warning in context.Resource.Warnings?.Invoke(node, old) ?? [])
        {
            context.Warn(warning);
        }
    }

    private void Admit(WriteContext context, AdmissionOperation operation, string subresource, JsonObject node, JsonObject? old)
    {
        if (context.User is { } user)
        {
            Admission?.Invoke(new AdmissionRequest(operation, context.Resource, subresource, context.Key, user, node, old));
        }
    }

    private static ApiException Refuse(WriteContext context, CommitOutcome outcome) => outcome switch
    {
        CommitOutcome.NamespaceMissing => new ApiException(
            StatusReason.NotFound,
            $"namespaces \"{context.Key.Namespace}\" not found",
            new StatusDetails { Name = context.Key.Namespace, Kind = "namespaces" }),
        CommitOutcome.NamespaceTerminating => ApiException.Forbidden(
            context.Resource,
            context.Key.Name,
            $"unable to create new content in namespace {context.Key.Namespace} because it is being terminated",
            new StatusCause
            {
                Reason = "NamespaceTerminating",
                Message = $"namespace {context.Key.Namespace} is being terminated",
                Field = "metadata.namespace",
            }),
        CommitOutcome.DefinitionTerminating => ApiException.DefinitionTerminating(context.Resource, context.Key.Name),
        _ => ApiException.Modified(context.Resource, context.Key.Name),
    };

    /// <summary>What a dry run answers: the object at the version that it has, or at none.</summary>
    private static StoredObject Pretend(WriteContext context, JsonObject node, long version) => new(
        context.Key, node.Object("metadata")!.Text("uid") ?? "", version,
        version == 0 ? PreparedObject.From(node).WithoutVersion() : PreparedObject.From(node).WithVersion(version));

    private ValueTask<KeyedGate<(string Resource, NamespacedName Key)>.Entry> TurnAsync(WriteContext context, CancellationToken cancellationToken) =>
        _turns.EnterAsync((context.Resource.StorageName, context.Resource.OneWriterAtATime ? default : context.Key), cancellationToken);

    /// <summary>Writes in what Kubernetes always writes; an object of a definition is as its own schema has it.</summary>
    private static void Complete(ResourceDescriptor resource, JsonObject node, bool nullsForLists = true)
    {
        if (resource is { Definition: null, StoredSchema: { } schema })
        {
            AlwaysWritten.Complete(node, schema, nullsForLists);
        }
    }

    private void TakeSteps(WriteContext context, JsonObject body, JsonObject? old)
    {
        if (context.Resource.Admission.Count > 0)
        {
            var request = new AdmissionView(context.Resource, context.Key, store.State, settings);
            foreach (var step in context.Resource.Admission)
            {
                step(body, old, request);
            }
        }
    }

    private static Mutation Put(WriteContext context, JsonObject node, long expectedVersion) => new()
    {
        Resource = context.Resource.StorageName,
        Key = context.Key,
        Uid = node.Object("metadata")!.Text("uid") ?? "",
        ExpectedVersion = expectedVersion,
        Object = PreparedObject.From(node),
        NeedsNamespace = context.Resource.Namespaced && expectedVersion == 0,
        NeedsDefinition = expectedVersion == 0 ? context.Resource.Definition : null,
        Form = context.Resource.WritesForm,
    };
}
