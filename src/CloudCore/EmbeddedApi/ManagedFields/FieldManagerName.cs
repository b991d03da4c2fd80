using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>By what name a caller owns fields.</summary>
internal static class FieldManagerName
{
    private const int Longest = 128;

    /// <summary>The name that the request gives; otherwise the program's, from its User-Agent.</summary>
    /// <exception cref="ApiException">422 where the given one is not usable.</exception>
    public static string Of(ApiRequest request)
    {
        if (request.Query("fieldManager") is { Length: > 0 } given)
        {
            Check(request, given);
            return given;
        }

        var agent = request.Context.Request.Headers.UserAgent.ToString();
        var end = agent.IndexOf('/', StringComparison.Ordinal);
        var name = new string([.. (end < 0 ? agent : agent[..end]).Where(c => !char.IsControl(c))]);
        return name.Length > Longest ? name[..Longest] : name;
    }

    /// <summary>Whether fields of others are taken by an apply.</summary>
    /// <exception cref="ApiException">422 where the options do not fit an apply.</exception>
    public static bool CheckApply(ApiRequest request)
    {
        if (request.Query("fieldManager").Length == 0)
        {
            throw RequestOptions.Refuse(request, "fieldManager", "FieldValueRequired", "Required value: is required for apply patch");
        }

        return request.QueryIsTrue("force");
    }

    /// <summary>Refuses what only an apply may say.</summary>
    public static void CheckOtherPatch(ApiRequest request)
    {
        if (request.Query("force").Length > 0)
        {
            throw RequestOptions.Refuse(request, "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch");
        }
    }

    private static void Check(ApiRequest request, string name)
    {
        if (name.Length > Longest)
        {
            throw RequestOptions.Refuse(
                request, "fieldManager", "FieldValueTooLong", FormattableString.Invariant($"Too long: may not be more than {Longest} bytes"));
        }

        if (name.Any(char.IsControl))
        {
            throw RequestOptions.Refuse(
                request, "fieldManager", "FieldValueInvalid", $"Invalid value: \"{name}\": should only contain printable characters");
        }
    }
}
