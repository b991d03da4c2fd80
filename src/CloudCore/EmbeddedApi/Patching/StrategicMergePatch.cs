using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Patching;

/// <summary>
/// Kubernetes' own patch: as a merge patch, but lists of objects that have a merge key are merged member by member.
/// Directives: <c>$patch: replace|delete|merge</c>, <c>$retainKeys</c>, <c>$setElementOrder/FIELD</c> and
/// <c>$deleteFromPrimitiveList/FIELD</c>.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string SetElementOrder = "$setElementOrder/";
    private const string DeleteFromPrimitiveList = "$deleteFromPrimitiveList/";

    /// <summary>Changes <paramref name="target"/>; parts of the patch are copied.</summary>
    /// <param name="target">The object.</param>
    /// <param name="patch">The patch.</param>
    /// <param name="type">The object's shape; null where it is not known: lists are then replaced.</param>
    public static void Apply(JsonObject target, JsonObject patch, TypeSchema? type) => Map(target, patch, name => type?.Field(name));

    private static void Map(JsonObject target, JsonObject patch, Func<string, FieldSchema?> schema)
    {
        switch (patch.Text(Directive))
        {
            case "replace":
                target.Clear();
                foreach (var (name, value) in patch)
                {
                    if (name != Directive && value is not null)
                    {
                        target[name] = value.DeepClone();
                    }
                }

                return;
            case "delete":
                target.Clear();
                return;
            case null when patch[Directive] is not null:
                throw ApiException.BadRequest($"unknown patch type: {patch[Directive]!.ToJsonString()} in map: {GoText.Of(patch)}");
            case null or "merge":
                break;
            case var other:
                throw ApiException.BadRequest($"unknown patch type: \"{other}\" in map: {GoText.Of(patch)}");
        }

        Retain(target, patch);
        foreach (var (name, value) in patch)
        {
            if (name.StartsWith(DeleteFromPrimitiveList, StringComparison.Ordinal))
            {
                DeletePrimitives(target, name[DeleteFromPrimitiveList.Length..], value as JsonArray);
            }
        }

        foreach (var (name, value) in patch)
        {
            if (name is not ['$', ..])
            {
                Member(target, name, value, schema(name), patch.List(SetElementOrder + name));
            }
        }

        OrderUntouched(target, patch, schema);
    }

    /// <summary>Lists that only get another order.</summary>
    private static void OrderUntouched(JsonObject target, JsonObject patch, Func<string, FieldSchema?> schema)
    {
        foreach (var (name, value) in patch)
        {
            if (name.StartsWith(SetElementOrder, StringComparison.Ordinal)
                && value is JsonArray order
                && name[SetElementOrder.Length..] is var field
                && !patch.ContainsKey(field)
                && target[field] is JsonArray list)
            {
                target[field] = ElementOrder.Apply(list, list, order, schema(field)?.MergeKey);
            }
        }
    }

    private static void Member(JsonObject target, string name, JsonNode? value, FieldSchema? field, JsonArray? order)
    {
        switch (value)
        {
            case null:
                target.Remove(name);
                break;
            case JsonObject inner when field is { Replace: true }:
                target[name] = New(inner, field.Shape);
                break;
            case JsonObject inner:
                if (target[name] is not JsonObject present)
                {
                    target[name] = present = [];
                }

                Map(present, inner, Inside(field?.Shape));
                if (inner.Text(Directive) == "delete")
                {
                    target.Remove(name);
                }

                break;
            case JsonArray list when field is { Merge: true } && target[name] is JsonArray before:
                CheckOrder(name, list, order, field.MergeKey);
                var merged = field.MergeKey is null ? Primitives(before, list) : Objects(before, list, field);
                target[name] = ElementOrder.Apply(merged, before, order ?? list, field.MergeKey);
                break;
            case JsonArray list:
                target[name] = Clean(list, field);
                break;
            default:
                target[name] = value.DeepClone();
                break;
        }
    }

    /// <summary>The schema of an object's or map's members.</summary>
    private static Func<string, FieldSchema?> Inside(FieldShape? shape) => shape switch
    {
        { Kind: FieldKind.Object } => name => shape.Type!.Field(name),
        { Kind: FieldKind.Map } => name => new FieldSchema(name, shape.Element!, false, false, null),
        _ => _ => null,
    };

    private static JsonArray Primitives(JsonArray present, JsonArray patch)
    {
        var merged = (JsonArray)present.DeepClone();
        foreach (var item in patch)
        {
            if (!merged.Any(m => JsonNode.DeepEquals(m, item)))
            {
                merged.Add(item?.DeepClone());
            }
        }

        return merged;
    }

    private static JsonArray Objects(JsonArray present, JsonArray patch, FieldSchema field)
    {
        var key = field.MergeKey!;
        if (patch.OfType<JsonObject>().Any(i => i.Text(Directive) == "replace"))
        {
            return Clean([.. patch.Where(i => (i as JsonObject)?[Directive] is null).Select(i => i?.DeepClone())], field);
        }

        if (patch.FirstOrDefault(i => i is not JsonObject) is var stranger && patch.Any(i => i is not JsonObject))
        {
            throw ApiException.BadRequest($"list element types are not identical: {field.Name} has objects, not {stranger?.ToJsonString() ?? "null"}");
        }

        var merged = (JsonArray)present.DeepClone();
        foreach (var item in patch.OfType<JsonObject>())
        {
            if (item.Text(Directive) == "merge")
            {
                throw ApiException.BadRequest("merging lists cannot yet be specified in the patch");
            }

            var identity = item[key] ?? throw ApiException.BadRequest($"map: {GoText.Of(item)} does not contain declared merge key: {key}");
            var index = IndexOf(merged, key, identity);
            if (item.Text(Directive) == "delete")
            {
                // members that other keys tell apart can have the same one
                for (; index >= 0; index = IndexOf(merged, key, identity))
                {
                    merged.RemoveAt(index);
                }
            }
            else if (index >= 0)
            {
                Map((JsonObject)merged[index]!, item, Inside(field.Shape.Element));
            }
            else
            {
                merged.Add(New(item, field.Shape.Element));
            }
        }

        return merged;
    }

    /// <summary>What a patch gives must stand in the order that it asks for.</summary>
    private static void CheckOrder(string name, JsonArray list, JsonArray? order, string? key)
    {
        if (order is null)
        {
            return;
        }

        var at = -1;
        foreach (var item in list)
        {
            var identity = key is null ? item : (item as JsonObject)?[key];
            if (item is JsonObject { } member && member.ContainsKey(Directive))
            {
                continue;
            }

            var index = Enumerable.Range(0, order.Count)
                .FirstOrDefault(i => JsonNode.DeepEquals(key is null ? order[i] : (order[i] as JsonObject)?[key], identity), -1);
            if (index <= at)
            {
                throw ApiException.BadRequest(
                    $"The order in patch list:\n{GoText.Of(list)}\n doesn't match {SetElementOrder}{name} list:\n{GoText.Of(order)}\n");
            }

            at = index;
        }
    }

    /// <summary>A list that is taken from the patch as it is, without directives.</summary>
    private static JsonArray Clean(JsonArray list, FieldSchema? field)
    {
        var clean = new JsonArray();
        foreach (var item in list)
        {
            if (item is not JsonObject member)
            {
                clean.Add(item?.DeepClone());
            }
            else if (member.Text(Directive) is null or "merge")
            {
                clean.Add(New(member, field?.Shape.Element));
            }
        }

        return clean;
    }

    private static JsonObject New(JsonObject item, FieldShape? shape)
    {
        var made = new JsonObject();
        Map(made, item, Inside(shape));
        return made;
    }

    private static int IndexOf(JsonArray list, string key, JsonNode identity)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] is JsonObject item && JsonNode.DeepEquals(item[key], identity))
            {
                return i;
            }
        }

        return -1;
    }

    private static void Retain(JsonObject target, JsonObject patch)
    {
        if (!patch.ContainsKey(RetainKeys))
        {
            return;
        }

        var names = patch.List(RetainKeys)?.Select(k => k.AsText()).ToHashSet()
            ?? throw ApiException.BadRequest($"invalid patch format of {RetainKeys}: it must be a list of names");
        if (patch.FirstOrDefault(m => m.Value is not null && m.Key is not ['$', ..] && !names.Contains(m.Key)).Key is { } other)
        {
            throw ApiException.BadRequest($"invalid patch format of {RetainKeys}: {other} is given, but not among what is to stay");
        }

        foreach (var name in target.Select(m => m.Key).Where(n => !names.Contains(n)).ToList())
        {
            target.Remove(name);
        }
    }

    private static void DeletePrimitives(JsonObject target, string field, JsonArray? values)
    {
        if (values is null)
        {
            throw ApiException.BadRequest($"invalid patch format of {DeleteFromPrimitiveList}{field}: it must be a list");
        }

        if (target[field] is not JsonArray list)
        {
            return;
        }

        for (var i = list.Count - 1; i >= 0; i--)
        {
            if (values.Any(v => JsonNode.DeepEquals(v, list[i])))
            {
                list.RemoveAt(i);
            }
        }
    }
}
