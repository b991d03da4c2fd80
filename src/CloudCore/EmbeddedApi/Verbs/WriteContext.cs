using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.ManagedFields;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>What a write needs to know besides the object.</summary>
/// <param name="Resource">What is written.</param>
/// <param name="Key">Where.</param>
/// <param name="DryRun">Everything is checked and answered, nothing stored.</param>
/// <param name="FieldValidation"><c>Strict</c>, <c>Warn</c> or <c>Ignore</c>.</param>
/// <param name="Warn">Tells the caller something beside the answer.</param>
internal sealed record WriteContext(
    ResourceDescriptor Resource, NamespacedName Key, bool DryRun, string FieldValidation, Action<string> Warn)
{
    private const int LongestQuote = 512;

    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Who writes; null for the server itself, which no admission asks.</summary>
    public UserInfo? User { get; init; }

    /// <summary>Who owns what this write changes, by name.</summary>
    public string Manager { get; init; } = "cloudcore";

    /// <summary>As the path says it, for the owner's entry; empty for the object itself.</summary>
    public string Subresource { get; init; } = "";

    /// <summary>What stood twice in the body, in words.</summary>
    public IReadOnlyList<string> Duplicates { get; init; } = [];

    /// <summary>The patch that the object was made by, as errors quote it; null where it was given whole.</summary>
    public Func<JsonObject, string>? QuotePatch { get; init; }

    /// <summary>Whether a patch made the object from the one that is there.</summary>
    public bool IsPatch => QuotePatch is not null;

    /// <summary>Whether the object comes with its owners already, as server-side apply made them.</summary>
    public bool IsApplied { get; init; }

    public static WriteContext Of(ApiRequest request)
    {
        if (request.Query("dryRun") is not ("" or "All") and var dryRun)
        {
            throw RequestOptions.Refuse(request, "dryRun", "FieldValueNotSupported", $"Unsupported value: \"{dryRun}\": supported values: \"All\"");
        }

        var validation = request.Query("fieldValidation") is { Length: > 0 } given ? given : "Warn";
        return validation is "Strict" or "Warn" or "Ignore"
            ? new WriteContext(request.Resource, request.Key, request.DryRun, validation, request.Warn)
            {
                User = request.User,
                Manager = FieldManagerName.Of(request),
                Subresource = request.Path.Subresource,
                Duplicates = DuplicateFields.Of(request.Context),
            }
            : throw RequestOptions.Refuse(
                request, "fieldValidation", "FieldValueNotSupported",
                $"Unsupported value: \"{validation}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
    }

    /// <summary>Checks kind and apiVersion of a body; fills them in where they are missing.</summary>
    public void CheckKind(JsonObject body)
    {
        if (Resource.Definition is not null)
        {
            CheckNamesItsKind(body);
        }

        if (body.Text("apiVersion") is { Length: > 0 } version && version != Resource.GroupVersion)
        {
            throw RefuseType(
                body, $"the API version in the data ({version}) does not match the expected API version ({Resource.GroupVersion})");
        }

        if (body.Text("kind") is { Length: > 0 } kind && kind != Resource.Kind)
        {
            if (Resource.Definition is not null && !IsApplied)
            {
                // what of a definition has another kind is a kind of its own, and not this one
                var errors = new FieldErrors();
                errors.Invalid("kind", kind, $"must be {Resource.Kind}");
                errors.ThrowIfAny(Resource with { Kind = kind }, body.Object("metadata")?.Text("name") ?? "");
            }

            throw RefuseType(
                body, $"{kind} in version \"{Resource.Version}\" cannot be handled as a {Resource.Kind}: no kind \"{kind}\" is registered for this resource");
        }

        body["apiVersion"] = Resource.GroupVersion;
        body["kind"] = Resource.Kind;
        if (body["metadata"] is { } metadata and not JsonObject)
        {
            throw ApiException.BadRequest(
                $"{Resource.Kind} in version \"{Resource.Version}\" cannot be handled as a {Resource.Kind}: json: cannot unmarshal {(metadata is JsonArray ? "array" : "value")} into Go struct field {Resource.Kind}.metadata of type v1.ObjectMeta");
        }

        if (body["metadata"] is null)
        {
            body["metadata"] = new JsonObject();
        }
    }

    /// <summary>An object of a definition has no type but what it says of itself, so it has to say it.</summary>
    private static void CheckNamesItsKind(JsonObject body)
    {
        foreach (var (member, word) in ((string, string)[])[("kind", "Kind"), ("apiVersion", "apiVersion")])
        {
            if (body.Text(member) is null or "")
            {
                throw ApiException.BadRequest($"Object '{word}' is missing in '{Shortened(body.ToJsonString(s_plain))}'");
            }
        }
    }

    /// <summary>Brings the tree into the kind's shape; says or refuses what does not belong there.</summary>
    public void Conform(JsonObject body)
    {
        IReadOnlyList<string> unknown;
        try
        {
            unknown = RemoveUnknown(body);
        }
        catch (ApiException e) when (QuotePatch is not null && e.Reason == StatusReason.BadRequest)
        {
            throw Refuse(body, e.Message);
        }

        if (FieldValidation == "Ignore" || (unknown.Count == 0 && Duplicates.Count == 0))
        {
            return;
        }

        var words = unknown.Select(f => $"unknown field \"{f}\"").Concat(Duplicates).ToList();
        if (FieldValidation == "Strict")
        {
            throw Refuse(body, $"strict decoding error: {string.Join(", ", words)}");
        }

        words.ForEach(Warn);
    }

    private static string Shortened(string text) => text.Length <= LongestQuote ? text : text[..LongestQuote] + "…";

    private IReadOnlyList<string> RemoveUnknown(JsonObject body)
    {
        if (Resource.Conform is { } conform)
        {
            return conform(body);
        }

        if (Resource.Schema is not { } schema)
        {
            return [];
        }

        var conformance = new Conformance(Resource.Kind, Resource.Version);
        conformance.Apply(body, schema);
        return conformance.UnknownFields;
    }

    /// <summary>An object cannot be read: said of the body, or of the patch that led to it.</summary>
    private ApiException Refuse(JsonObject body, string why)
    {
        if (QuotePatch is not { } quote)
        {
            return ApiException.BadRequest($"{Resource.Kind} in version \"{Resource.Version}\" cannot be handled as a {Resource.Kind}: {why}");
        }

        return Invalid(quote(body), why);
    }

    /// <summary>A body of another type is the caller's mistake; a patch that makes one of the object is a patch that does not fit it.</summary>
    private ApiException RefuseType(JsonObject body, string why) =>
        QuotePatch is { } quote ? Invalid(quote(body), why) : ApiException.BadRequest(why);

    private static ApiException Invalid(string patch, string why)
    {
        var message = $"Invalid value: {JsonValue.Create(patch).ToJsonString(s_plain)}: {why}";
        return new ApiException(
            StatusReason.Invalid,
            $" \"\" is invalid: patch: {message}",
            new StatusDetails { Causes = [new StatusCause { Reason = "FieldValueInvalid", Message = message, Field = "patch" }] });
    }
}
