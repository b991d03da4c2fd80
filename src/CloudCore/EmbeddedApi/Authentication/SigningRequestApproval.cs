using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>certificatesigningrequests/approval: says yes or no to a request, once (<c>kubectl certificate approve</c>).</summary>
internal sealed class SigningRequestApproval(
    ObjectStore store, ObjectWriter writer, Renderer renderer, SigningRequestAdmission admission, TimeProvider time, int maxBodyBytes)
{
    public async Task HandleAsync(ApiRequest request)
    {
        switch (request.Context.Request.Method)
        {
            case "GET":
                await renderer.RespondAsync(request, 200, store.State.Get(request.Resource.StorageName, request.Key)
                    ?? throw ApiException.NotFound(request.Resource, request.Path.Name));
                break;
            case "PUT":
                var body = await request.ReadObjectAsync(maxBodyBytes, request.Resource.Schema);
                await WriteAsync(request, _ => (JsonObject)body.DeepClone());
                break;
            case "PATCH":
                var patch = await PatchBody.ReadAsync(request, maxBodyBytes);
                await WriteAsync(request, present => patch.Apply(present, request.Resource));
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    private async Task WriteAsync(ApiRequest request, ObjectWriter.Change change)
    {
        // the writer's own admission is about signing; who may approve is asked here
        var context = WriteContext.Of(request) with { User = null };
        var stored = await writer.UpdateAsync(context, "status", present => Decide(request, present, change), request.Aborted);
        await renderer.RespondAsync(request, 200, stored);
    }

    private JsonObject Decide(ApiRequest request, JsonObject present, ObjectWriter.Change change)
    {
        admission.DemandApproval(new AdmissionRequest(
            AdmissionOperation.Update, request.Resource, "approval", request.Key, request.User, present, present));
        var old = (JsonObject)present.DeepClone();
        var wanted = change(present);
        var conditions = (wanted.Object("status")?.Objects("conditions") ?? []).Select(c => (JsonObject)c.DeepClone()).ToList();
        Check(request, old, conditions);
        var now = KubeTime.Format(time.GetUtcNow());
        foreach (var condition in conditions)
        {
            condition.SetDefault("lastUpdateTime", now);
            condition.SetDefault("lastTransitionTime", now);
        }

        // everything else of the body is not this subresource's
        if (wanted.Object("metadata") is { } metadata)
        {
            old["metadata"]!["resourceVersion"] = metadata.Text("resourceVersion") ?? "";
        }

        old.ObjectOrNew("status").SetOrRemove("conditions", conditions.Count == 0 ? null : new JsonArray([.. conditions]));
        return old;
    }

    private static void Check(ApiRequest request, JsonObject old, List<JsonObject> conditions)
    {
        var errors = new FieldErrors();
        var types = conditions.Select(c => c.Text("type") ?? "").ToList();
        foreach (var type in (old.Object("status")?.Objects("conditions") ?? []).Select(c => c.Text("type") ?? ""))
        {
            if (type is "Approved" or "Denied" or "Failed" && !types.Contains(type))
            {
                errors.Forbidden("status.conditions", $"updates may not remove a condition of type \"{type}\"");
            }
        }

        if (types.Contains("Approved") && types.Contains("Denied"))
        {
            errors.Invalid("status.conditions", "Approved", "Approved and Denied conditions are mutually exclusive");
        }

        for (var i = 0; i < conditions.Count; i++)
        {
            if (types[i].Length == 0)
            {
                errors.Required($"status.conditions[{i}].type");
            }

            switch (conditions[i].Text("status"))
            {
                case null or "":
                    errors.Required($"status.conditions[{i}].status");
                    break;
                case "True":
                    break;
                case var other when types[i] is "Approved" or "Denied" or "Failed":
                    errors.NotSupported($"status.conditions[{i}].status", other, "True");
                    break;
            }
        }

        errors.ThrowIfAny(request.Resource, request.Path.Name);
    }
}
