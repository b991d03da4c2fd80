using System.Globalization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// What resourceVersion, resourceVersionMatch and continue of a request mean together, as Kubernetes documents it. The
/// newest state serves every rule but "exactly that one".
/// </summary>
/// <param name="Exactly">The revision that the answer has to be of; null for the newest.</param>
/// <param name="Continue">Where the list goes on; null for a first page.</param>
internal sealed record ListRules(long? Exactly, ContinueToken? Continue)
{
    private const string MatchField = "resourceVersionMatch";

    /// <exception cref="ApiException">400 or 422 where they do not go together, 504 for a revision that is not there yet.</exception>
    public static ListRules Of(ApiRequest request, long newest, long limit)
    {
        var match = request.Query(MatchField);
        var asked = Version(request);
        CheckMatch(match, request.Query("resourceVersion"), request.Query("continue"));
        if (request.Query("continue") is { Length: > 0 } text)
        {
            // said first: a client that sends both has a mistake in its code, whatever the token
            if (asked is > 0)
            {
                throw ApiException.BadRequest("specifying resource version is not allowed when using continue");
            }

            var token = ContinueToken.Parse(text);
            return new ListRules(token.Revision, token);
        }

        DemandReached(asked, newest);

        // a limit without a word on the match has meant "exactly" since before there was one
        return new ListRules(match == "Exact" || (match.Length == 0 && limit > 0 && asked is > 0) ? asked : null, null);
    }

    /// <summary>The query's resourceVersion; null where there is none.</summary>
    /// <exception cref="ApiException">400 where it is not a version.</exception>
    public static long? Version(ApiRequest request)
    {
        var text = request.Query("resourceVersion");
        if (text.Length == 0)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiException.BadRequest($"resourceVersion: Invalid value: \"{text}\": it is not a version that a server gave");
    }

    /// <exception cref="ApiException">504 where the revision is not there yet: it is another server's, or of before a restore.</exception>
    public static void DemandReached(long? asked, long newest)
    {
        if (asked > newest)
        {
            throw new ApiException(
                StatusReason.Timeout,
                FormattableString.Invariant($"Timeout: Too large resource version: {asked}, current: {newest}"),
                new StatusDetails
                {
                    RetryAfterSeconds = 1,
                    Causes = [new() { Reason = "ResourceVersionTooLarge", Message = "Too large resource version" }],
                });
        }
    }

    /// <summary>The objects that the answer is made from, and the revision that it shows.</summary>
    /// <exception cref="ApiException">410 where that revision has been compacted.</exception>
    public (IEnumerable<KeyValuePair<NamespacedName, StoredObject>> Objects, long Revision) Read(ObjectStore store, string resource)
    {
        if (Exactly is not { } exact || Continue is { IsInconsistent: true })
        {
            var state = store.State;
            return (state.Of(resource), state.Revision);
        }

        if (store.ObjectsAt(resource, exact) is { } objects)
        {
            return (objects, exact);
        }

        throw Continue is { } token
            ? new ApiException(
                StatusReason.Expired,
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
                + "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
                + "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
                + "deleted between the time the first chunk was returned and now may show up in the list.")
            {
                Continue = (token with { Revision = ContinueToken.Inconsistent }).ToString(),
            }
            : ApiException.Expired("The resourceVersion for the provided list is too old.");
    }

    private static void CheckMatch(string match, string version, string token)
    {
        if (match.Length == 0)
        {
            return;
        }

        var errors = new Validation.FieldErrors();
        if (version.Length == 0)
        {
            errors.Forbidden(MatchField, "resourceVersionMatch is forbidden unless resourceVersion is provided");
        }

        if (token.Length > 0)
        {
            errors.Forbidden(MatchField, "resourceVersionMatch is forbidden when continue is provided");
        }

        if (match is not ("Exact" or "NotOlderThan"))
        {
            errors.NotSupported(MatchField, match, "Exact", "NotOlderThan", "");
        }

        if (match == "Exact" && version == "0")
        {
            errors.Forbidden(MatchField, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }

        errors.ThrowIfAnyOf("meta.k8s.io", "ListOptions");
    }
}
