using System.Globalization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>The forms in which an object can be sent.</summary>
internal enum Representation
{
    Object,
    Table,
    PartialMetadata,
}

/// <summary>What the Accept header asks for.</summary>
/// <param name="Kind">The form.</param>
/// <param name="MetaVersion">The version of meta.k8s.io for tables and partial objects.</param>
internal sealed record ResponseForm(Representation Kind, string MetaVersion)
{
    private const string Yaml = "application/yaml";

    // the header's length is bounded by the web server; its clauses are tried one by one
    private static readonly ResponseForm s_object = new(Representation.Object, "v1");

    /// <summary>Whether the answer is written as YAML.</summary>
    public bool IsYaml { get; init; }

    /// <summary>Whether partial metadata was asked for as a list: <c>PartialObjectMetadataList</c>.</summary>
    public bool AsList { get; init; }

    /// <summary>The media type of the answer.</summary>
    public string ContentType => IsYaml ? Yaml : "application/json";

    /// <exception cref="ApiException">406 where none of the asked forms is served.</exception>
    public static ResponseForm Parse(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        return Find(accept) ?? throw new ApiException(
            StatusReason.NotAcceptable,
            $"only the following media types are accepted: application/json, {Yaml}",
            accept.Split(',').Any(clause => IsServed(clause.Split(';')[0].Trim())) ? null : new StatusDetails());
    }

    /// <summary>Whether a failure is told in YAML: where the caller would rather have it than JSON.</summary>
    public static bool WantsYaml(HttpRequest request) => Find(request.Headers.Accept.ToString()) is { IsYaml: true };

    /// <exception cref="ApiException">406 where the answer is a list and one object's metadata was asked for, or the other way round.</exception>
    public void DemandMetadataOf(bool list, string kind)
    {
        if (Kind == Representation.PartialMetadata && AsList != list)
        {
            throw new ApiException(StatusReason.NotAcceptable, list
                ? $"you requested PartialObjectMetadata, but the requested object is a list ({kind})"
                : $"you requested PartialObjectMetadataList, but the requested object is not a list ({kind})");
        }
    }

    private static ResponseForm? Find(string accept)
    {
        if (accept.Length == 0)
        {
            return s_object;
        }

        ResponseForm? best = null;
        var weight = 0.0;
        foreach (var clause in accept.Split(','))
        {
            var parts = clause.Split(';');
            if (Weight(parts) is var found && found > weight && ParseClause(parts) is { } form)
            {
                (best, weight) = (form, found);
            }
        }

        return best;
    }

    private static bool IsServed(string type) => type is "application/json" or Yaml or "application/*" or "*/*";

    private static double Weight(string[] parts)
    {
        foreach (var part in parts.AsSpan(1))
        {
            if (part.Trim() is ['q', '=', .. var text])
            {
                return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var weight) ? weight : 1;
            }
        }

        return 1;
    }

    private static ResponseForm? ParseClause(string[] parts)
    {
        var type = parts[0].Trim();
        if (!IsServed(type))
        {
            return null;
        }

        var form = "";
        var group = "";
        var version = "v1";
        foreach (var part in parts.AsSpan(1))
        {
            var pair = part.Trim().Split('=', 2);
            if (pair is ["as", var value])
            {
                form = value;
            }
            else if (pair is ["g", var g])
            {
                group = g;
            }
            else if (pair is ["v", var v])
            {
                version = v;
            }
        }

        var known = group == "meta.k8s.io" && version is "v1" or "v1beta1";
        return (form switch
        {
            "" => s_object,
            "Table" when known => new ResponseForm(Representation.Table, version),
            "PartialObjectMetadata" or "PartialObjectMetadataList" when known =>
                new ResponseForm(Representation.PartialMetadata, version) { AsList = form.EndsWith("List", StringComparison.Ordinal) },
            _ => null,
        }) is { } found ? type == Yaml ? found with { IsYaml = true } : found : null;
    }
}
