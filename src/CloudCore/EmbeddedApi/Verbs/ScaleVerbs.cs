using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.ManagedFields;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// The subresource <c>scale</c>: every kind that has replicas shows them as autoscaling/v1 Scale, where
/// <see cref="ResourceDescriptor.Scale"/> says they are, so that <c>kubectl scale</c> and autoscalers need to know no kind.
/// </summary>
internal sealed class ScaleVerbs(ObjectStore store, ObjectWriter writer, Renderer renderer, TypeSchema scaleType, int maxBodyBytes)
{
    private readonly ResourceDescriptor _scale = new()
    {
        Group = "autoscaling",
        Version = "v1",
        Plural = "scales",
        Singular = "scale",
        Kind = "Scale",
        Schema = scaleType,
        Columns =
        [
            CommonColumns.Name,
            new("Desired", "integer", row => row.Root.At("spec", "replicas").Number()),
            new("Available", "integer", row => row.Root.At("status", "replicas").Number()),
            CommonColumns.Age,
        ],
    };

    public async Task HandleAsync(ApiRequest request)
    {
        var paths = request.Resource.Scale ?? throw ApiException.NoSuchResource();
        switch (request.Context.Request.Method)
        {
            case "GET":
                var found = store.State.Get(request.Resource.StorageName, request.Key) ?? throw NotFound(request);
                await RespondAsync(request, found, paths);
                break;
            case "PUT":
                var body = await request.ReadObjectAsync(maxBodyBytes, scaleType);
                await UpdateAsync(request, paths, _ => (JsonObject)body.DeepClone());
                break;
            case "PATCH":
                var patch = await PatchBody.ReadAsync(Inner(request), maxBodyBytes);
                await (patch.Applies
                    ? ApplyAsync(request, paths, patch.AsObject())
                    : UpdateAsync(request, paths, present => patch.Apply(present, _scale)));
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    private async Task UpdateAsync(ApiRequest request, ScalePaths paths, ObjectWriter.Change change)
    {
        _ = store.State.Get(request.Resource.StorageName, request.Key) ?? throw NotFound(request);
        var stored = await writer.UpdateAsync(
            WriteContext.Of(request), "", present => Scaled(request, paths, present, change(View(present, paths))), request.Aborted);
        await RespondAsync(request, stored, paths);
    }

    /// <summary>
    /// Server-side apply of a Scale: its replicas are applied to the object itself, so that whoever owns them there is in conflict, and the
    /// new owner is told with the subresource (Kubernetes' ScaleHandler).
    /// </summary>
    private async Task ApplyAsync(ApiRequest request, ScalePaths paths, JsonObject scale)
    {
        var force = FieldManagerName.CheckApply(request);
        var live = store.State.Get(request.Resource.StorageName, request.Key) ?? throw NotFound(request);
        scale.ObjectOrNew("metadata").SetDefault("name", request.Path.Name!);
        Check(request, live.Parse(), scale);
        var part = new JsonObject
        {
            ["apiVersion"] = request.Resource.GroupVersion,
            ["kind"] = request.Resource.Kind,
            ["metadata"] = new JsonObject { ["name"] = request.Path.Name },
        };
        if (scale.Object("spec")?.Number("replicas") is { } replicas)
        {
            Set(part, paths.SpecReplicas, replicas);
        }

        var context = WriteContext.Of(request) with { IsApplied = true };
        var apply = new ServerSideApply(context, "", part, force);
        await RespondAsync(request, await writer.UpdateAsync(context, "", present => apply.To(present, writer.Now), request.Aborted), paths);
    }

    /// <summary>The object with the replicas of a Scale; it keeps the version that the Scale was made from, if it names one.</summary>
    private JsonObject Scaled(ApiRequest request, ScalePaths paths, JsonObject present, JsonObject scale)
    {
        Check(request, present, scale);
        Set(present, paths.SpecReplicas, scale.Object("spec")?.Number("replicas") ?? 0);
        present.Object("metadata")!.SetOrRemove("resourceVersion", scale.Object("metadata")!["resourceVersion"]?.DeepClone());
        return present;
    }

    /// <summary>Whether it is a Scale of that object, and one that can be.</summary>
    private void Check(ApiRequest request, JsonObject present, JsonObject scale)
    {
        var context = new WriteContext(_scale, request.Key, false, "Ignore", _ => { });
        context.CheckKind(scale);
        context.Conform(scale);
        CheckIdentity(request, present.Object("metadata")!, scale.Object("metadata")!);
        var replicas = scale.Object("spec")?.Number("replicas") ?? 0;
        var errors = new FieldErrors();
        if (replicas < 0)
        {
            errors.Invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        }

        errors.ThrowIfAny(_scale, request.Path.Name);
    }

    private static void CheckIdentity(ApiRequest request, JsonObject present, JsonObject given)
    {
        var name = given.Text("name") ?? "";
        if (name != request.Path.Name)
        {
            throw ApiException.BadRequest(name.Length == 0
                ? "the name of the object must be given in metadata.name"
                : $"the name of the object ({name}) does not match the name on the URL ({request.Path.Name})");
        }

        if (given.Text("namespace") is { Length: > 0 } ns && ns != request.Path.Namespace)
        {
            throw ApiException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        if (given.Text("uid") is { Length: > 0 } uid && uid != present.Text("uid"))
        {
            throw ApiException.Conflict(
                AsScale(request.Resource), request.Path.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {present.Text("uid")}");
        }
    }

    /// <summary>What the object looks like as a Scale.</summary>
    private static JsonObject View(JsonObject present, ScalePaths paths)
    {
        var metadata = present.Object("metadata")!;
        var shown = new JsonObject();
        foreach (var member in (string[])["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            shown.SetOrRemove(member, metadata[member]?.DeepClone());
        }

        var status = new JsonObject { ["replicas"] = Find(present, paths.StatusReplicas)?.DeepClone() ?? 0 };
        if (paths.Selector is { } selector && SelectorText(Find(present, selector)) is { Length: > 0 } text)
        {
            status["selector"] = text;
        }

        return new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = shown,
            ["spec"] = new JsonObject { ["replicas"] = Find(present, paths.SpecReplicas)?.DeepClone() ?? 0 },
            ["status"] = status,
        };
    }

    private Task RespondAsync(ApiRequest request, StoredObject stored, ScalePaths paths)
    {
        var present = stored.Parse();
        request.Resource.FromStorage?.Invoke(present);
        var scale = PreparedObject.From(View(present, paths)).WithVersion(stored.ResourceVersion);
        return renderer.RespondAsync(Inner(request), 200, new StoredObject(stored.Key, stored.Uid, stored.ResourceVersion, scale));
    }

    private ApiRequest Inner(ApiRequest request) => new(request.Context, request.Path, _scale) { User = request.User, DemandCreate = request.DemandCreate };

    private static ApiException NotFound(ApiRequest request) => ApiException.NotFound(AsScale(request.Resource), request.Path.Name);

    /// <summary>As errors name it: <c>deployments/scale.apps</c>.</summary>
    private static ResourceDescriptor AsScale(ResourceDescriptor resource) => resource with { Plural = resource.Plural + "/scale" };

    /// <summary>A selector in the notation of queries; its requirements in the order of their keys.</summary>
    private static string SelectorText(JsonNode? selector)
    {
        if (selector is not JsonObject node)
        {
            return selector.AsText() ?? "";
        }

        var isLabelSelector = node.All(m => m.Key is "matchLabels" or "matchExpressions");
        var labels = isLabelSelector ? node.Object("matchLabels") ?? [] : node;
        var parts = labels.Select(l => (Key: l.Key, Text: $"{l.Key}={l.Value.AsText()}")).ToList();
        foreach (var expression in isLabelSelector ? node.Objects("matchExpressions") : [])
        {
            var key = expression.Text("key") ?? "";
            var values = string.Join(',', (expression.List("values") ?? []).Select(v => v.AsText()).Order(StringComparer.Ordinal));
            parts.Add((key, expression.Text("operator") switch
            {
                "In" => $"{key} in ({values})",
                "NotIn" => $"{key} notin ({values})",
                "Exists" => key,
                _ => $"!{key}",
            }));
        }

        return string.Join(',', parts.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Text));
    }

    private static JsonNode? Find(JsonObject node, string path)
    {
        JsonNode? found = node;
        foreach (var step in path.TrimStart('.').Split('.'))
        {
            found = (found as JsonObject)?[step];
        }

        return found;
    }

    private static void Set(JsonObject node, string path, long value)
    {
        var steps = path.TrimStart('.').Split('.');
        foreach (var step in steps[..^1])
        {
            node = node.ObjectOrNew(step);
        }

        node[steps[^1]] = value;
    }
}
