using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

internal sealed partial class ObjectWriter
{
    /// <summary>Assigns a pod to a node, once.</summary>
    /// <param name="context">The pod.</param>
    /// <param name="node">Where it will run.</param>
    /// <param name="binding">The binding's metadata: a UID that must be the pod's, annotations and labels that the pod gets.</param>
    /// <param name="cancellationToken">Ends the wait for a place in the queue.</param>
    public async Task<StoredObject> BindAsync(
        WriteContext context, string node, JsonObject binding, CancellationToken cancellationToken)
    {
        var uid = binding.Text("uid");
        using var turn = await TurnAsync(context, cancellationToken);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var stored = store.State.Get(context.Resource.StorageName, context.Key)
                ?? throw ApiException.NotFound(context.Resource, context.Key.Name);
            if (uid is { Length: > 0 } && uid != stored.Uid)
            {
                throw ApiException.Conflict(
                    Binding(context), context.Key.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored.Uid}");
            }

            var pod = stored.Parse();
            Assign(context, pod, node);
            TakeMetadata(pod.Object("metadata")!, binding);
            if (context.DryRun)
            {
                return Pretend(context, pod, stored.ResourceVersion);
            }

            var result = await store.CommitAsync(Put(context, pod, stored.ResourceVersion), cancellationToken);
            if (result.Outcome == CommitOutcome.Committed)
            {
                return result.Object!;
            }
        }

        throw ApiException.Modified(context.Resource, context.Key.Name);
    }

    private void Assign(WriteContext context, JsonObject pod, string node)
    {
        var name = context.Key.Name;
        if (pod.Object("metadata")!["deletionTimestamp"] is not null)
        {
            throw ApiException.Conflict(Binding(context), name, $"pod {name} is being deleted, cannot be assigned to a host");
        }

        var spec = pod.ObjectOrNew("spec");
        if (spec.Text("nodeName") is { Length: > 0 } present)
        {
            throw ApiException.Conflict(Binding(context), name, $"pod {name} is already assigned to node \"{present}\"");
        }

        if (spec.List("schedulingGates") is { Count: > 0 })
        {
            throw ApiException.Conflict(Binding(context), name, $"pod {name} has non-empty .spec.schedulingGates");
        }

        spec["nodeName"] = node;
        var status = pod.ObjectOrNew("status");
        var conditions = new JsonArray([.. status.Objects("conditions").Where(c => c.Text("type") != "PodScheduled").Select(c => c.DeepClone())])
        {
            (JsonNode)new JsonObject
            {
                ["type"] = "PodScheduled", ["status"] = "True", ["lastProbeTime"] = null, ["lastTransitionTime"] = Now,
            },
        };
        status["conditions"] = conditions;
    }

    /// <summary>As errors name it: <c>pods/binding</c>.</summary>
    private static Resources.ResourceDescriptor Binding(WriteContext context) => context.Resource with { Plural = "pods/binding" };

    private static void TakeMetadata(JsonObject metadata, JsonObject binding)
    {
        foreach (var member in (string[])["annotations", "labels"])
        {
            foreach (var (key, value) in binding.Object(member) ?? [])
            {
                metadata.ObjectOrNew(member)[key] = value?.DeepClone();
            }
        }
    }
}
