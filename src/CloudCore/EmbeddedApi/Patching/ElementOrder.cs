using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.Patching;

/// <summary>
/// Puts a merged list in the patch's order (<c>$setElementOrder</c>, else that of the patch's own list); what only the
/// server has is set in where it stood before the patch's members.
/// </summary>
internal static class ElementOrder
{
    /// <param name="merged">The list after the merge; used up.</param>
    /// <param name="before">The list before it.</param>
    /// <param name="order">The wanted order.</param>
    /// <param name="key">The members' merge key; null for plain values.</param>
    public static JsonArray Apply(JsonArray merged, JsonArray before, JsonArray order, string? key)
    {
        var ordered = merged.Where(m => IndexIn(order, m, key) >= 0).OrderBy(m => IndexIn(order, m, key)).ToList();
        var others = merged.Where(m => IndexIn(order, m, key) < 0).ToList();
        var result = new JsonArray();
        while (ordered.Count > 0 || others.Count > 0)
        {
            var takeOther = ordered.Count == 0 || (others.Count > 0 && StandsBefore(before, others[0], ordered[0], key));
            var source = takeOther ? others : ordered;
            result.Add(source[0]?.DeepClone());
            source.RemoveAt(0);
        }

        return result;
    }

    /// <summary>By the order before; a member that is new stands first.</summary>
    private static bool StandsBefore(JsonArray before, JsonNode? other, JsonNode? ordered, string? key)
    {
        var left = IndexIn(before, other, key);
        var right = IndexIn(before, ordered, key);
        return left >= 0 && right >= 0 && left < right;
    }

    private static int IndexIn(JsonArray list, JsonNode? item, string? key)
    {
        var identity = Identity(item, key);
        for (var i = 0; i < list.Count; i++)
        {
            if (JsonNode.DeepEquals(Identity(list[i], key), identity))
            {
                return i;
            }
        }

        return -1;
    }

    private static JsonNode? Identity(JsonNode? item, string? key) => key is null ? item : (item as JsonObject)?[key];
}
