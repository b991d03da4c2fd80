namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>A path below /api or /apis, taken apart; the rest of it is empty where the path ends early.</summary>
/// <param name="Group">Empty for core.</param>
/// <param name="Version">For example <c>v1</c>.</param>
/// <param name="Namespace">Empty for cluster-scoped objects, and for all namespaces.</param>
/// <param name="Resource">The plural; empty for discovery of a group version.</param>
/// <param name="Name">Empty for the whole collection.</param>
/// <param name="Subresource">For example <c>status</c>; empty for the object itself.</param>
internal sealed record RequestInfo(
    string Group, string Version, string Namespace, string Resource, string Name, string Subresource)
{
    /// <summary>Whether the path itself asks for a watch: <c>/api/v1/watch/…</c>.</summary>
    public bool IsWatch { get; init; }

    /// <summary>Null where the path is not of the form that Kubernetes has.</summary>
    public static RequestInfo? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string group;
        int next;
        switch (parts)
        {
            case ["api", _, ..]:
                group = "";
                next = 1;
                break;
            case ["apis", _, _, ..]:
                group = parts[1];
                next = 2;
                break;
            default:
                return null;
        }

        var version = parts[next++];
        var rest = parts.AsSpan(next);
        if (rest is ["watch", _, ..])
        {
            // the old form of ?watch=1, which Kubernetes still serves
            return Of(group, version, rest[1..]) is { Resource.Length: > 0, Subresource.Length: 0 } watched ? watched with { IsWatch = true } : null;
        }

        return Of(group, version, rest);
    }

    private static RequestInfo? Of(string group, string version, ReadOnlySpan<string> rest)
    {

        // /namespaces/NS alone, and its status and finalize, are the namespace object itself
        if (rest is ["namespaces", _, not ("status" or "finalize"), ..])
        {
            return rest.Length > 5 ? null : new RequestInfo(group, version, rest[1], rest[2], At(rest, 3), At(rest, 4));
        }

        return rest.Length > 3 ? null : new RequestInfo(group, version, "", At(rest, 0), At(rest, 1), At(rest, 2));
    }

    private static string At(ReadOnlySpan<string> parts, int index) => index < parts.Length ? parts[index] : "";
}
