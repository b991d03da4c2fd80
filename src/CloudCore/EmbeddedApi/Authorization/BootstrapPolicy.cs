using System.Reflection;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>
/// The roles and bindings that every cluster begins with (bootstrap.rbac says which). At each start what is missing is added to
/// them; what somebody added stays. One whose annotation rbac.authorization.kubernetes.io/autoupdate says false is left alone.
/// </summary>
internal sealed class BootstrapPolicy(ServerWrites writes)
{
    private const string AutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";
    private const string Bootstrapping = "kubernetes.io/bootstrapping";
    private const string AggregateTo = "rbac.authorization.k8s.io/aggregate-to-";

    /// <summary>Writes what is missing; all at once, so that it is one commit.</summary>
    public Task ReconcileAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(Load().Select(wanted => ReconcileAsync(wanted, cancellationToken)));

    /// <summary>The objects that there should be.</summary>
    internal static IReadOnlyList<(string Plural, string Namespace, JsonObject Object)> Load()
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("bootstrap.rbac")!);
        var objects = new List<(string, string, JsonObject)>();
        JsonObject? role = null;
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line[0] == ' ')
            {
                role!["rules"]!.AsArray().Add((JsonNode)RuleOf(words));
                continue;
            }

            switch (words[0])
            {
                case "clusterrole":
                    role = ClusterRoleOf(words);
                    objects.Add(("clusterroles", "", role));
                    break;
                case "role":
                    role = Object(words[2], words[1]);
                    role["rules"] = new JsonArray();
                    objects.Add(("roles", words[1], role));
                    break;
                case "clusterrolebinding":
                    objects.Add(("clusterrolebindings", "", BindingOf(Object(words[1], ""), "ClusterRole", words[2], words[4..])));
                    break;
                case "rolebinding":
                    var kind = words[3] == "role" ? "Role" : "ClusterRole";
                    objects.Add(("rolebindings", words[1], BindingOf(Object(words[2], words[1]), kind, words[4], words[6..])));
                    break;
                default:
                    throw new InvalidDataException($"bootstrap.rbac: \"{line}\" is not understood");
            }
        }

        return objects;
    }

    private static JsonObject Object(string name, string ns)
    {
        var metadata = new JsonObject
        {
            ["name"] = name,
            ["labels"] = new JsonObject { [Bootstrapping] = "rbac-defaults" },
            ["annotations"] = new JsonObject { [AutoUpdate] = "true" },
        };
        if (ns.Length > 0)
        {
            metadata["namespace"] = ns;
        }

        return new JsonObject { ["metadata"] = metadata };
    }

    private static JsonObject ClusterRoleOf(string[] words)
    {
        var role = Object(words[1], "");
        role["rules"] = new JsonArray();
        for (var i = 2; i + 1 < words.Length; i += 2)
        {
            foreach (var label in words[i + 1].Split(','))
            {
                if (words[i] == "for")
                {
                    role["metadata"]!["labels"]![AggregateTo + label] = "true";
                    continue;
                }

                role.ObjectOrNew("aggregationRule")["clusterRoleSelectors"] =
                    new JsonArray(new JsonObject { ["matchLabels"] = new JsonObject { [AggregateTo + label] = "true" } });
            }
        }

        return role;
    }

    private static JsonObject RuleOf(string[] words)
    {
        if (words[1] == "url")
        {
            return new PolicyRule { Verbs = words[0].Split(','), Urls = words[2..] }.Write();
        }

        var named = Array.IndexOf(words, "named");
        return new PolicyRule
        {
            Verbs = words[0].Split(','),
            Groups = [.. words[1].Split(',').Select(g => g == "core" ? "" : g)],
            Resources = words[2..(named < 0 ? words.Length : named)],
            Names = named < 0 ? [] : words[(named + 1)..],
        }.Write();
    }

    private static JsonObject BindingOf(JsonObject binding, string kind, string role, string[] subjects)
    {
        binding["roleRef"] = new JsonObject { ["apiGroup"] = RbacResources.Group, ["kind"] = kind, ["name"] = role };
        var all = new JsonArray();
        foreach (var subject in subjects)
        {
            var colon = subject.IndexOf(':', StringComparison.Ordinal);
            var name = subject[(colon + 1)..];
            all.Add((JsonNode)(subject[..colon] switch
            {
                "account" => new JsonObject
                {
                    ["kind"] = "ServiceAccount",
                    ["name"] = name.Split('/')[1],
                    ["namespace"] = name.Split('/')[0],
                },
                var other => new JsonObject
                {
                    ["apiGroup"] = RbacResources.Group,
                    ["kind"] = other == "user" ? "User" : "Group",
                    ["name"] = name,
                },
            }));
        }

        if (all.Count > 0)
        {
            binding["subjects"] = all;
        }

        return binding;
    }

    private async Task ReconcileAsync((string Plural, string Namespace, JsonObject Object) wanted, CancellationToken cancellationToken)
    {
        var resource = writes.Resource(RbacResources.Group, wanted.Plural);
        var name = wanted.Object["metadata"]!["name"]!.GetValue<string>();
        if (writes.Get(resource, wanted.Namespace, name) is not { } stored)
        {
            await writes.TryCreateAsync(resource, wanted.Namespace, wanted.Object, cancellationToken);
            return;
        }

        if (Completed(stored.Parse(), wanted.Object) is null)
        {
            return;
        }

        if (wanted.Object["roleRef"] is { } role && !JsonNode.DeepEquals(role, stored.Parse()["roleRef"]))
        {
            // what a binding binds cannot be changed: it is another one
            await writes.DeleteAsync(resource, stored, cancellationToken);
            await writes.TryCreateAsync(resource, wanted.Namespace, wanted.Object, cancellationToken);
            return;
        }

        await writes.TryUpdateAsync(
            resource, stored.Key, "", present => Completed((JsonObject)present.DeepClone(), wanted.Object) ?? present, cancellationToken);
    }

    /// <summary>What is there with what is missing; null where nothing is, or where it wants to be left alone.</summary>
    private static JsonObject? Completed(JsonObject present, JsonObject wanted)
    {
        var metadata = present.ObjectOrNew("metadata");
        if (metadata.Object("annotations")?.Text(AutoUpdate) == "false")
        {
            return null;
        }

        var changed = false;
        foreach (var map in (string[])["labels", "annotations"])
        {
            foreach (var (key, value) in wanted["metadata"]![map]!.AsObject())
            {
                if (metadata.Object(map)?.ContainsKey(key) != true)
                {
                    metadata.ObjectOrNew(map)[key] = value!.DeepClone();
                    changed = true;
                }
            }
        }

        if (wanted["aggregationRule"] is { } aggregation)
        {
            // the rules are the aggregation's
            if (present["aggregationRule"] is null)
            {
                present["aggregationRule"] = aggregation.DeepClone();
                changed = true;
            }
        }
        else if (wanted["rules"] is not null)
        {
            changed |= AddRules(present, wanted);
        }

        if (wanted["roleRef"] is { } role && !JsonNode.DeepEquals(role, present["roleRef"]))
        {
            return present;
        }

        foreach (var subject in wanted.Objects("subjects"))
        {
            if (!present.Objects("subjects").Any(s => JsonNode.DeepEquals(s, subject)))
            {
                if (present["subjects"] is not JsonArray subjects)
                {
                    present["subjects"] = subjects = [];
                }

                subjects.Add(subject.DeepClone());
                changed = true;
            }
        }

        return changed ? present : null;
    }

    private static bool AddRules(JsonObject present, JsonObject wanted)
    {
        var held = PolicyRule.ReadAll(present);
        var missing = PolicyRule.ReadAll(wanted).Where(rule => rule.Atoms().Any(atom => !held.Any(h => h.Covers(atom)))).ToList();
        if (missing.Count == 0)
        {
            return false;
        }

        if (present["rules"] is not JsonArray rules)
        {
            present["rules"] = rules = [];
        }

        missing.ForEach(rule => rules.Add((JsonNode)rule.Write()));
        return true;
    }
}
