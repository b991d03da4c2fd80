using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <summary>The requests by which a Deployment's plan is carried out.</summary>
internal sealed partial class DeploymentActions(KubeClient client, EventRecorder events, TimeProvider time, ILogger logger)
{
    private const string Component = "deployment-controller";

    private readonly ILogger _logger = logger;

    /// <summary>Takes a ReplicaSet that fits and that nobody controls, lets go of an own one that no longer fits; null for one that is not the Deployment's.</summary>
    public async Task<KubeObject?> ClaimAsync(KubeObject deployment, LabelSelector selector, KubeObject set, CancellationToken ct)
    {
        var metadata = set.View(KubernetesJson.Default.AnyObject).Metadata;
        var fits = selector.Matches(metadata.Labels ?? LabelSelectors.NoLabels);
        var owners = metadata.OwnerReferences ?? [];
        if (metadata.Controller() is { } controller)
        {
            if (controller.Uid != deployment.Uid || fits || deployment.IsDeleting || set.IsDeleting)
            {
                return controller.Uid == deployment.Uid ? set : null;
            }

            await SetOwnersAsync(set, owners.Where(owner => owner.Uid != deployment.Uid), ct);
            return null;
        }

        if (!fits || deployment.IsDeleting || set.IsDeleting)
        {
            return null;
        }

        // the cache may still show a Deployment that is gone; what it adopted would be collected as garbage
        var live = await client.GetAsync(ApiResources.Deployments, deployment.Namespace, deployment.Name, ct);
        return live is { IsDeleting: false } && live.Uid == deployment.Uid
            ? await SetOwnersAsync(set, owners.Append(deployment.Controlling(ApiResources.Deployments)), ct)
            : null;
    }

    public async Task ApplyAsync(KubeObject value, Deployment view, DeploymentPlan plan, string newName, CancellationToken ct)
    {
        foreach (var change in plan.Change)
        {
            await ChangeAsync(value, change, ct);
        }

        if (plan.Create is { } create && !await CreateAsync(value, view, create, newName, ct))
        {
            await WriteCollisionAsync(value, view, ct);
            return;
        }

        foreach (var set in plan.Delete)
        {
            await DeleteAsync(value, set, ct);
        }

        await WriteAsync(value, view, plan, ct);
    }

    private async Task ChangeAsync(KubeObject value, ReplicaSetChange change, CancellationToken ct)
    {
        var set = change.ReplicaSet;
        var metadata = new JsonObject { ["uid"] = set.Uid, ["resourceVersion"] = set.ResourceVersion };
        if (change.Annotations.Count > 0)
        {
            metadata["annotations"] = new JsonObject(change.Annotations.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
        }

        var patch = new JsonObject { ["metadata"] = metadata };
        var spec = new JsonObject();
        if (change.Replicas is { } replicas)
        {
            spec["replicas"] = replicas;
        }

        if (change.MinReadySeconds is { } seconds)
        {
            spec["minReadySeconds"] = seconds;
        }

        if (spec.Count > 0)
        {
            patch["spec"] = spec;
        }

        await client.PatchAsync(ApiResources.ReplicaSets, value.Namespace, set.Name, PatchType.Merge, Bytes(patch), null, ct);
        if (change.Replicas is { } to)
        {
            NoteScaled(value, set.Name, set.Replicas, to);
        }
    }

    // false where another ReplicaSet has the name
    private async Task<bool> CreateAsync(KubeObject value, Deployment view, NewReplicaSet create, string name, CancellationToken ct)
    {
        try
        {
            await client.CreateAsync(ApiResources.ReplicaSets, value.Namespace, Write(value, view, create, name), ct);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // made before, and not in the cache yet; or there by another's hand
            var existing = await client.GetAsync(ApiResources.ReplicaSets, value.Namespace, name, ct);
            if (existing is null)
            {
                throw;
            }

            return existing.View(KubernetesJson.Default.AnyObject).Metadata.Controller()?.Uid == value.Uid && TemplateDigest.Of(existing) == TemplateDigest.Of(value);
        }
        catch (ApiException e) when (!e.IsTransient)
        {
            var message = $"Failed to create new replica set \"{name}\": {e.Status.Message ?? e.Message}";
            events.Record(Component, EventSubject.Of(value, ApiResources.Deployments), true, "ReplicaSetCreateError", message);
            await WriteFailureAsync(value, view, e.Status.Message ?? e.Message, ct);
            throw;
        }

        NoteScaled(value, name, 0, create.Replicas);
        return true;
    }

    private void NoteScaled(KubeObject value, string set, int from, int to)
    {
        LogScaled(value.Describe(), set, from, to);
        if (from != to)
        {
            events.Record(
                Component, EventSubject.Of(value, ApiResources.Deployments), false, "ScalingReplicaSet",
                string.Create(CultureInfo.InvariantCulture, $"Scaled {(to > from ? "up" : "down")} replica set {set} from {from} to {to}"));
        }
    }

    private static byte[] Write(KubeObject value, Deployment view, NewReplicaSet create, string name)
    {
        var spec = JsonNode.Parse(value.Json.Span)!["spec"]!.AsObject();
        var hash = name[(value.Name.Length + 1)..];
        var template = spec["template"]!.DeepClone().AsObject();
        GetOrAdd(GetOrAdd(template, "metadata"), "labels")[TemplateDigest.HashLabel] = hash;
        var selector = spec["selector"]!.DeepClone().AsObject();
        GetOrAdd(selector, "matchLabels")[TemplateDigest.HashLabel] = hash;
        var body = new JsonObject
        {
            ["replicas"] = create.Replicas,
            ["selector"] = selector,
            ["template"] = template,
        };
        if (view.Spec.MinReadySeconds > 0)
        {
            body["minReadySeconds"] = view.Spec.MinReadySeconds;
        }

        return Bytes(new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "ReplicaSet",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = value.Namespace,
                ["labels"] = template["metadata"]!["labels"]!.DeepClone(),
                ["annotations"] = new JsonObject(create.Annotations.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value)))),
                ["ownerReferences"] = new JsonArray(MetadataPatch.Write(value.Controlling(ApiResources.Deployments))),
            },
            ["spec"] = body,
        });
    }

    private async Task DeleteAsync(KubeObject value, OwnedReplicaSet set, CancellationToken ct)
    {
        try
        {
            // the version, too: one that was scaled up meanwhile is no history
            await client.DeleteAsync(
                ApiResources.ReplicaSets, value.Namespace, set.Name, new DeleteOptions { Uid = set.Uid, ResourceVersion = set.ResourceVersion, PropagationPolicy = "Background" }, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone already
        }
    }

    private async Task WriteAsync(KubeObject value, Deployment view, DeploymentPlan plan, CancellationToken ct)
    {
        var has = view.Status ?? new DeploymentStatus();
        if (plan.Revision is null
            && has with { Conditions = null } == plan.Status with { Conditions = null } && (has.Conditions ?? []).SequenceEqual(plan.Status.Conditions ?? []))
        {
            return;
        }

        var metadata = new JsonObject { ["uid"] = value.Uid };
        if (plan.Revision is { } revision)
        {
            // with the status, as in Kubernetes: by itself an annotation of a Deployment counts up its generation
            metadata["annotations"] = new JsonObject { [DeploymentAnnotations.Revision] = revision };
        }

        await WriteStatusAsync(value, metadata, Status(plan.Status), ct);
    }

    private Task<KubeObject> WriteCollisionAsync(KubeObject value, Deployment view, CancellationToken ct) => client.PatchAsync(
        ApiResources.Deployments, value.Namespace, value.Name, PatchType.Merge,
        Bytes(new JsonObject
        {
            // only if nobody else has counted meanwhile
            ["metadata"] = new JsonObject { ["uid"] = value.Uid, ["resourceVersion"] = value.ResourceVersion },
            ["status"] = new JsonObject { ["collisionCount"] = (view.Status?.CollisionCount ?? 0) + 1 },
        }),
        "status", ct);

    private Task WriteFailureAsync(KubeObject value, Deployment view, string message, CancellationToken ct)
    {
        var current = view.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Progressing");
        if (current is { Status: "False", Reason: "ReplicaSetCreateError" })
        {
            return Task.CompletedTask;
        }

        var now = KubeTime.Format(time.GetUtcNow());
        var failed = new DeploymentCondition
        {
            Type = "Progressing",
            Status = "False",
            Reason = "ReplicaSetCreateError",
            Message = message,
            LastUpdateTime = now,
            LastTransitionTime = current is { Status: "False" } ? current.LastTransitionTime : now,
        };
        var conditions = (view.Status?.Conditions ?? []).Where(condition => condition.Type != "Progressing").Append(failed);
        return WriteStatusAsync(value, new JsonObject { ["uid"] = value.Uid }, new JsonObject { ["conditions"] = new JsonArray([.. conditions.Select(Write)]) }, ct);
    }

    private Task<KubeObject> WriteStatusAsync(KubeObject value, JsonObject metadata, JsonObject status, CancellationToken ct) => client.PatchAsync(
        ApiResources.Deployments, value.Namespace, value.Name, PatchType.Merge,
        Bytes(new JsonObject { ["metadata"] = metadata, ["status"] = status }), "status", ct);

    private static JsonObject Status(DeploymentStatus status) => new()
    {
        ["observedGeneration"] = status.ObservedGeneration,
        ["replicas"] = Count(status.Replicas),
        ["updatedReplicas"] = Count(status.UpdatedReplicas),
        ["readyReplicas"] = Count(status.ReadyReplicas),
        ["availableReplicas"] = Count(status.AvailableReplicas),
        ["unavailableReplicas"] = Count(status.UnavailableReplicas),
        ["conditions"] = new JsonArray([.. (status.Conditions ?? []).Select(Write)]),
    };

    // zero is not written, as in Go
    private static JsonValue? Count(int count) => count == 0 ? null : JsonValue.Create(count);

    private static JsonNode Write(DeploymentCondition condition) => new JsonObject
    {
        ["type"] = condition.Type,
        ["status"] = condition.Status,
        ["lastUpdateTime"] = condition.LastUpdateTime,
        ["lastTransitionTime"] = condition.LastTransitionTime,
        ["reason"] = condition.Reason,
        ["message"] = condition.Message,
    };

    private async Task<KubeObject?> SetOwnersAsync(KubeObject set, IEnumerable<OwnerReference> owners, CancellationToken ct)
    {
        try
        {
            return await client.PatchAsync(
                ApiResources.ReplicaSets, set.Namespace, set.Name, PatchType.Merge, MetadataPatch.Owners(set.Uid, owners), null, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
            return null;
        }
    }

    private static JsonObject GetOrAdd(JsonObject parent, string member)
    {
        if (parent[member] is not JsonObject child)
        {
            parent[member] = child = [];
        }

        return child;
    }

    private static byte[] Bytes(JsonObject value) => Encoding.UTF8.GetBytes(value.ToJsonString());

    [LoggerMessage(LogLevel.Information, "{Deployment}: ReplicaSet {Set} from {From} to {To}")]
    private partial void LogScaled(string deployment, string set, int from, int to);
}
