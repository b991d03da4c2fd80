using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>
/// Completes an object by what Kubernetes' own server writes though nobody gave it: structs, texts and numbers that Go has no way to
/// leave out, and null for a time or a list that is not there. Clients that were written against it may count on these members.
/// </summary>
internal static class AlwaysWritten
{
    /// <summary>Completes an object that has the shape of its type already.</summary>
    /// <param name="node">Changed.</param>
    /// <param name="type">What it is.</param>
    /// <param name="nullsForLists">Whether an empty list that is always written becomes null, as the store of Kubernetes returns it.</param>
    public static void Complete(JsonObject node, TypeSchema type, bool nullsForLists = true)
    {
        List<string>? emptied = null;
        foreach (var (name, value) in node)
        {
            if (value is not (JsonObject or JsonArray) || type.Field(name) is not { } field)
            {
                continue;
            }

            if (nullsForLists && field.Always && value is JsonArray { Count: 0 })
            {
                (emptied ??= []).Add(name);
            }
            else
            {
                Value(value, field.Shape, nullsForLists);
            }
        }

        foreach (var name in emptied ?? [])
        {
            node[name] = null;
        }

        foreach (var field in type.AlwaysWritten)
        {
            // an empty time of creation is the one that is left out (since 1.34)
            if (field.Name != "creationTimestamp" && !node.ContainsKey(field.Name))
            {
                node[field.Name] = Empty(field.Shape);
            }
        }
    }

    private static void Value(JsonNode value, FieldShape shape, bool nullsForLists)
    {
        switch (shape.Kind)
        {
            case FieldKind.Object when value is JsonObject inner:
                Complete(inner, shape.Type!, nullsForLists);
                break;
            case FieldKind.List when value is JsonArray list && shape.Element!.Kind is FieldKind.Object:
                foreach (var item in list)
                {
                    Value(item!, shape.Element, nullsForLists);
                }

                break;
            case FieldKind.Map when value is JsonObject map && shape.Element!.Kind is FieldKind.Object or FieldKind.List:
                foreach (var (_, member) in map)
                {
                    if (member is not null)
                    {
                        Value(member, shape.Element!, nullsForLists);
                    }
                }

                break;
        }
    }

    private static JsonNode? Empty(FieldShape shape)
    {
        switch (shape.Kind)
        {
            case FieldKind.Object:
                var inner = new JsonObject();
                Complete(inner, shape.Type!);
                return inner;
            case FieldKind.String:
                return JsonValue.Create("");
            case FieldKind.Quantity:
                return JsonValue.Create("0");
            case FieldKind.Integer or FieldKind.Number:
                return JsonValue.Create(0);
            case FieldKind.Boolean:
                return JsonValue.Create(false);
            default:
                return null;
        }
    }
}
