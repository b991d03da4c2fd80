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
    private static readonly ResponseForm s_object = new(Representation.Object, "v1");

    /// <exception cref="ApiException">406 where none of the asked forms is served.</exception>
    public static ResponseForm Parse(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        if (accept.Length == 0)
        {
            return s_object;
        }

        foreach (var clause in accept.Split(','))
        {
            if (ParseClause(clause.Split(';')) is { } form)
            {
                return form;
            }
        }

        throw new ApiException(
            StatusReason.NotAcceptable, "only the following media types are accepted: application/json");
    }

    private static ResponseForm? ParseClause(string[] parts)
    {
        if (parts[0].Trim() is not ("application/json" or "application/*" or "*/*"))
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

        return (form, group) switch
        {
            ("", _) => s_object,
            ("Table", "meta.k8s.io") => new ResponseForm(Representation.Table, version),
            ("PartialObjectMetadata" or "PartialObjectMetadataList", "meta.k8s.io") => new ResponseForm(Representation.PartialMetadata, version),
            _ => null,
        };
    }
}
