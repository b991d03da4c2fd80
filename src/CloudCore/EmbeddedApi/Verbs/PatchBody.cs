using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Patching;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>A patch that has been read, of one of the four kinds.</summary>
internal sealed class PatchBody
{
    private const string JsonPatchType = "application/json-patch+json";
    private const string MergePatchType = "application/merge-patch+json";
    private const string StrategicType = "application/strategic-merge-patch+json";
    private const string ApplyType = "application/apply-patch+yaml";

    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _mediaType;
    private readonly JsonNode _patch;

    private PatchBody(string mediaType, JsonNode patch)
    {
        _mediaType = mediaType;
        _patch = patch;
    }

    /// <summary>Whether it is a server-side apply, which also creates what is not there.</summary>
    public bool Applies => _mediaType == ApplyType;

    public static async Task<PatchBody> ReadAsync(ApiRequest request, int limit)
    {
        var mediaType = BodyReader.MediaType(request.Context.Request.ContentType);
        string[] accepted = request.Resource.StrategicMerge
            ? [JsonPatchType, MergePatchType, StrategicType, ApplyType]
            : [JsonPatchType, MergePatchType, ApplyType];
        if (!accepted.Contains(mediaType))
        {
            throw ApiException.UnsupportedMediaType(
                $"the body of the request was in an unknown format - accepted media types include: {string.Join(", ", accepted)}",
                request.Resource.Definition is null ? new StatusDetails() : null);
        }

        var patch = await BodyReader.ReadAsync(request.Context, limit, null, request.Aborted)
            ?? throw ApiException.BadRequest("the patch is empty");
        if (mediaType == JsonPatchType ? patch is not JsonArray : patch is not JsonObject)
        {
            throw ApiException.BadRequest($"a patch of type {mediaType} must be {(mediaType == JsonPatchType ? "a list" : "an object")}");
        }

        return new PatchBody(mediaType, patch);
    }

    /// <summary>The object of an apply.</summary>
    public JsonObject AsObject() => (JsonObject)_patch;

    /// <summary>How an error quotes what does not fit: a strategic patch as Go prints it, otherwise the patched object.</summary>
    public string Quote(JsonObject patched) =>
        _mediaType == StrategicType ? GoText.Of(_patch) : patched.ToJsonString(s_plain);

    /// <summary>The patched object; <paramref name="present"/> is used up, the patch is not.</summary>
    public JsonObject Apply(JsonObject present, ResourceDescriptor resource)
    {
        switch (_mediaType)
        {
            case JsonPatchType:
                return JsonPatch.Apply(present, (JsonArray)_patch) as JsonObject
                    ?? throw ApiException.BadRequest("the patch leaves no object");
            case MergePatchType:
                MergePatch.Apply(present, (JsonObject)_patch);
                return present;
            default:
                StrategicMergePatch.Apply(present, (JsonObject)_patch, resource.Schema);
                return present;
        }
    }
}
