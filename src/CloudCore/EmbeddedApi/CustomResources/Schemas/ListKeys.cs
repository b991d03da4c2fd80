using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>Lists whose members are told apart: by their value (set) or by key fields (map).</summary>
internal static class ListKeys
{
    /// <summary>The member of the old list that stands for the same thing; null where that cannot be told.</summary>
    public static JsonNode? Counterpart(CustomSchema list, JsonNode? member, JsonArray? old)
    {
        if (old is null || list.ListType != "map" || member is not JsonObject wanted)
        {
            return null;
        }

        foreach (var candidate in old)
        {
            if (candidate is JsonObject found && list.ListMapKeys.All(key => JsonNode.DeepEquals(found[key], wanted[key])))
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Whether two members of a list that forbids it stand for the same thing; each is reported once.</summary>
    public static void Check(CustomSchema schema, JsonNode? value, ValuePath path, FieldErrors? errors, ref bool wrong)
    {
        if (!schema.HasKeyedLists)
        {
            return;
        }

        switch (value)
        {
            case JsonArray list:
                CheckMembers(schema, list, path, errors, ref wrong);
                for (var i = 0; schema.Items is { HasKeyedLists: true } items && i < list.Count; i++)
                {
                    path.Push(i);
                    Check(items, list[i], path, errors, ref wrong);
                    path.Pop();
                }

                break;
            case JsonObject map:
                foreach (var (name, member) in map)
                {
                    if (schema.Member(name) is { HasKeyedLists: true } memberSchema)
                    {
                        path.Push(name);
                        Check(memberSchema, member, path, errors, ref wrong);
                        path.Pop();
                    }
                }

                break;
        }
    }

    private static void CheckMembers(CustomSchema schema, JsonArray list, ValuePath path, FieldErrors? errors, ref bool wrong)
    {
        if (schema.ListType is not ("set" or "map"))
        {
            return;
        }

        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
        {
            var identity = schema.ListType == "set" ? list[i] : KeysOf(schema, list[i]);
            var text = identity?.ToJsonString() ?? "null";
            seen[text] = seen.GetValueOrDefault(text) + 1;
            if (seen[text] == 2)
            {
                wrong = true;
                path.Push(i);
                errors?.Add(FieldProblem.Duplicate(path.ToString(), identity));
                path.Pop();
            }
        }
    }

    private static JsonObject KeysOf(CustomSchema schema, JsonNode? member)
    {
        var keys = new JsonObject();
        foreach (var key in schema.ListMapKeys)
        {
            if (member is JsonObject map && map.TryGetPropertyValue(key, out var value))
            {
                keys[key] = value?.DeepClone();
            }
        }

        return keys;
    }
}
