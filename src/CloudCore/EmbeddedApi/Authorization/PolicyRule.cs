using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>One rule of a Role or ClusterRole. Immutable.</summary>
internal sealed record PolicyRule
{
    private const string All = "*";

    public string[] Verbs { get; init; } = [];

    public string[] Groups { get; init; } = [];

    public string[] Resources { get; init; } = [];

    /// <summary>Empty for every name.</summary>
    public string[] Names { get; init; } = [];

    public string[] Urls { get; init; } = [];

    public static PolicyRule Read(JsonObject rule) => new()
    {
        Verbs = Texts(rule, "verbs"),
        Groups = Texts(rule, "apiGroups"),
        Resources = Texts(rule, "resources"),
        Names = Texts(rule, "resourceNames"),
        Urls = Texts(rule, "nonResourceURLs"),
    };

    /// <summary>The rules of a Role or ClusterRole.</summary>
    public static PolicyRule[] ReadAll(JsonObject role) => [.. role.Objects("rules").Select(Read)];

    public JsonObject Write()
    {
        var rule = new JsonObject();
        Set(rule, "apiGroups", Groups);
        Set(rule, "nonResourceURLs", Urls);
        Set(rule, "resourceNames", Names);
        Set(rule, "resources", Resources);
        rule["verbs"] = new JsonArray([.. Verbs.Select(v => (JsonNode)v)]);
        return rule;
    }

    public bool Allows(AccessAttributes asked) => asked.IsResource
        ? Has(Verbs, asked.Verb) && Has(Groups, asked.Group) && HasResource(asked.Resource, asked.Subresource) && HasName(asked.Name)
        : Has(Verbs, asked.Verb) && HasUrl(asked.Path);

    /// <summary>Whether the rule lets one do all that a rule of one verb, group, resource and name (or path) does.</summary>
    public bool Covers(PolicyRule atom)
    {
        if (!Has(Verbs, atom.Verbs[0]))
        {
            return false;
        }

        if (atom.Urls.Length > 0)
        {
            return HasUrl(atom.Urls[0]);
        }

        var slash = atom.Resources[0].IndexOf('/', StringComparison.Ordinal);
        var (resource, subresource) = slash < 0 ? (atom.Resources[0], "") : (atom.Resources[0][..slash], atom.Resources[0][(slash + 1)..]);
        return Has(Groups, atom.Groups[0]) && HasResource(resource, subresource)
            && (Names.Length == 0 || (atom.Names.Length > 0 && Names.Contains(atom.Names[0])));
    }

    /// <summary>The rule as rules of one verb, group, resource and name each.</summary>
    public IEnumerable<PolicyRule> Atoms()
    {
        foreach (var verb in Verbs)
        {
            foreach (var url in Urls)
            {
                yield return new PolicyRule { Verbs = [verb], Urls = [url] };
            }

            foreach (var group in Groups)
            {
                foreach (var resource in Resources)
                {
                    foreach (var name in Names.Length == 0 ? [null] : Names.AsEnumerable<string?>())
                    {
                        yield return new PolicyRule
                        {
                            Verbs = [verb],
                            Groups = [group],
                            Resources = [resource],
                            Names = name is null ? [] : [name],
                        };
                    }
                }
            }
        }
    }

    /// <summary>As Kubernetes writes a rule in its messages.</summary>
    public string Describe()
    {
        var parts = new List<string>();
        Add("APIGroups", Groups);
        Add("Resources", Resources);
        Add("ResourceNames", Names);
        Add("NonResourceURLs", Urls);
        Add("Verbs", Verbs);
        return $"{{{string.Join(", ", parts)}}}";

        void Add(string name, string[] values)
        {
            if (values.Length > 0)
            {
                parts.Add($"{name}:[{string.Join(" ", values.Select(v => $"\"{v}\""))}]");
            }
        }
    }

    public bool SameAs(PolicyRule other) => Verbs.SequenceEqual(other.Verbs) && Groups.SequenceEqual(other.Groups)
        && Resources.SequenceEqual(other.Resources) && Names.SequenceEqual(other.Names) && Urls.SequenceEqual(other.Urls);

    private static bool Has(string[] values, string wanted)
    {
        foreach (var value in values)
        {
            if (value == All || value == wanted)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary><c>*</c>, <c>pods</c>, <c>pods/status</c>, and <c>*/scale</c> for the subresource of every resource.</summary>
    private bool HasResource(string resource, string subresource)
    {
        foreach (var value in Resources)
        {
            if (value == All)
            {
                return true;
            }

            if (subresource.Length == 0)
            {
                if (value == resource)
                {
                    return true;
                }
            }
            else if (value.Length > subresource.Length
                && value[value.Length - subresource.Length - 1] == '/'
                && value.EndsWith(subresource, StringComparison.Ordinal)
                && value.AsSpan(0, value.Length - subresource.Length - 1) is var owner
                && (owner is "*" || owner.SequenceEqual(resource)))
            {
                return true;
            }
        }

        return false;
    }

    private bool HasName(string name)
    {
        foreach (var value in Names)
        {
            if (value == name)
            {
                return true;
            }
        }

        return Names.Length == 0;
    }

    /// <summary><c>/healthz</c>, or <c>/healthz/*</c> for all that begins so.</summary>
    private bool HasUrl(string path)
    {
        foreach (var value in Urls)
        {
            if (value == All || value == path || (value.EndsWith('*') && path.AsSpan().StartsWith(value.AsSpan(0, value.Length - 1))))
            {
                return true;
            }
        }

        return false;
    }

    private static string[] Texts(JsonObject node, string name) => [.. (node.List(name) ?? []).Select(v => v.AsText() ?? "")];

    private static void Set(JsonObject rule, string name, string[] values)
    {
        if (values.Length > 0)
        {
            rule[name] = new JsonArray([.. values.Select(v => (JsonNode)v)]);
        }
    }
}
