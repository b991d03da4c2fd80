using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>What somebody wants to do, in the words of an authorizer. Either a resource or a path is asked for.</summary>
internal sealed record AccessAttributes
{
    public required UserInfo User { get; init; }

    /// <summary>get, list, watch, create, update, patch, delete, deletecollection; also verbs that are no requests, such as bind.</summary>
    public required string Verb { get; init; }

    /// <summary>Empty where a <see cref="Path"/> is asked for.</summary>
    public string Resource { get; init; } = "";

    public string Group { get; init; } = "";

    public string Subresource { get; init; } = "";

    /// <summary>Empty for the cluster scope, and for all namespaces.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Empty where no one object is named.</summary>
    public string Name { get; init; } = "";

    /// <summary>The URL's path, where no resource is asked for.</summary>
    public string Path { get; init; } = "";

    /// <summary>The node that a field selector limits pods to; empty without such a selector.</summary>
    public string SelectedNode { get; init; } = "";

    public bool IsResource => Resource.Length > 0;

    /// <summary>As rules name it: <c>pods</c>, <c>pods/status</c>.</summary>
    public string CombinedResource => Subresource.Length == 0 ? Resource : $"{Resource}/{Subresource}";

    /// <summary>What a request asks for.</summary>
    public static AccessAttributes Of(UserInfo user, HttpRequest request, string path, RequestInfo? info)
    {
        var verb = VerbOf(request, info);
        if (info is not { Resource.Length: > 0 })
        {
            return new AccessAttributes { User = user, Verb = verb, Path = path };
        }

        var selector = verb is "list" or "watch" or "deletecollection" ? request.Query["fieldSelector"].ToString() : "";
        return new AccessAttributes
        {
            User = user,
            Verb = verb,
            Group = info.Group,
            Resource = info.Resource,
            Subresource = info.Subresource,

            // a namespace is its own namespace, so that a Role in it can let somebody read it
            Namespace = info is { Resource: "namespaces", Group.Length: 0, Namespace.Length: 0 } ? info.Name : info.Namespace,
            Name = info.Name.Length > 0 || verb is not ("list" or "watch") ? info.Name : Selected(selector, "metadata.name"),
            SelectedNode = Selected(selector, "spec.nodeName"),
        };
    }

    private static string VerbOf(HttpRequest request, RequestInfo? info) => (request.Method, info?.Name) switch
    {
        ("GET" or "HEAD", _) when info is not { Resource.Length: > 0 } => "get",
        ("GET" or "HEAD", _) when info!.IsWatch => "watch",
        ("GET" or "HEAD", _) when request.Query["watch"].ToString() is "true" or "1" => "watch",
        ("GET" or "HEAD", "") => "list",
        ("GET" or "HEAD", _) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", "") => "deletecollection",
        ("DELETE", _) => "delete",
        var (method, _) => method.ToLowerInvariant(),
    };

    /// <summary>The value that a field must have by the selector; empty where it may have several.</summary>
    private static string Selected(string selector, string field)
    {
        foreach (var part in selector.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at > 0 && part[at - 1] != '!' && part.AsSpan(0, at).SequenceEqual(field))
            {
                return part[(at + 1)..].TrimStart('=');
            }
        }

        return "";
    }
}

/// <summary>Whether something may be done, and why; the reason of a refusal is empty where there is nothing to add to it.</summary>
internal readonly record struct AccessDecision(bool Allowed, string Reason);
