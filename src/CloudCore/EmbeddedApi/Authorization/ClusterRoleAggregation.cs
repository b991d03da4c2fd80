using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>Keeps ClusterRoles with an aggregationRule filled with the rules of those that they select.</summary>
internal sealed class ClusterRoleAggregation(ObjectStore store, ServerWrites writes)
{
    public async Task<TimeSpan?> ReconcileAsync(CancellationToken cancellationToken)
    {
        var resource = writes.Resource(RbacResources.Group, "clusterroles");

        // one that is filled may be selected by another: edit by admin
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var stored in store.State.Of(RbacResources.ClusterRoles).Values)
            {
                if (!stored.Json.AsSpan().ContainsText("\"aggregationRule\""u8) || Aggregate(stored.Parse()) is not { } rules)
                {
                    continue;
                }

                var present = stored.Parse()["rules"] as JsonArray ?? [];
                if (!JsonNode.DeepEquals(present, rules))
                {
                    changed |= await writes.TryUpdateAsync(
                        resource, stored.Key, "",
                        role =>
                        {
                            role["rules"] = rules.DeepClone();
                            return role;
                        },
                        cancellationToken);
                }
            }
        }

        return null;
    }

    /// <summary>The rules that the role should have; null where it aggregates none.</summary>
    private JsonArray? Aggregate(JsonObject role)
    {
        if (role.Object("aggregationRule") is not { } aggregation)
        {
            return null;
        }

        var name = role.Object("metadata")?.Text("name");
        var rules = new List<PolicyRule>();
        foreach (var selector in aggregation.Objects("clusterRoleSelectors"))
        {
            foreach (var other in store.State.Of(RbacResources.ClusterRoles).Values)
            {
                if (other.Key.Name == name || !Selects(selector, other))
                {
                    continue;
                }

                rules.AddRange(PolicyRule.ReadAll(other.Parse()).Where(r => !rules.Any(r.SameAs)));
            }
        }

        return new JsonArray([.. rules.Select(r => r.Write())]);
    }

    private static bool Selects(JsonObject selector, StoredObject role)
    {
        var labels = new Dictionary<string, string>();
        foreach (var (key, value) in role.Labels)
        {
            labels[key] = value;
        }

        return (selector.Object("matchLabels") ?? []).All(l => labels.GetValueOrDefault(l.Key) == l.Value.AsText())
            && selector.Objects("matchExpressions").All(e =>
            {
                var has = labels.TryGetValue(e.Text("key") ?? "", out var value);
                var listed = has && (e.List("values") ?? []).Any(v => v.AsText() == value);
                return e.Text("operator") switch
                {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => has,
                    _ => !has,
                };
            });
    }
}

/// <summary>A look into bytes, before an object is read for nothing.</summary>
internal static class JsonBytes
{
    public static bool ContainsText(this ReadOnlySpan<byte> json, ReadOnlySpan<byte> text) => json.IndexOf(text) >= 0;

    public static bool ContainsText(this Span<byte> json, ReadOnlySpan<byte> text) => json.IndexOf(text) >= 0;
}
