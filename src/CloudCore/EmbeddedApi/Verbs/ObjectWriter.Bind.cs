using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

internal sealed partial class ObjectWriter
{
    /// <summary>Assigns a pod to a node, once.</summary>
    public async Task<StoredObject> BindAsync(WriteContext context, string node, string? uid, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var stored = store.State.Get(context.Resource.StorageName, context.Key)
                ?? throw ApiException.NotFound(context.Resource, context.Key.Name);
            if (uid is { Length: > 0 } && uid != stored.Uid)
            {
                throw ApiException.Conflict(
                    context.Resource, context.Key.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored.Uid}");
            }

            var pod = stored.Parse();
            Assign(context, pod, node);
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
            throw ApiException.Conflict(context.Resource, name, $"pod {name} is being deleted, cannot be assigned to a host");
        }

        var spec = pod.ObjectOrNew("spec");
        if (spec.Text("nodeName") is { Length: > 0 } present)
        {
            throw ApiException.Conflict(context.Resource, name, $"pod {name} is already assigned to node \"{present}\"");
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
}
