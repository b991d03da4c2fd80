using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>Puts what is applied over what is there: leaves are replaced, maps and keyed lists merged member by member.</summary>
internal static class FieldMerge
{
    /// <summary>A new tree; neither argument is changed.</summary>
    public static JsonObject Merge(JsonObject present, JsonObject applied, FieldPlace place)
    {
        var merged = (JsonObject)present.DeepClone();
        Into(merged, applied, place);
        return merged;
    }

    private static void Into(JsonObject target, JsonObject applied, FieldPlace place)
    {
        foreach (var (name, value) in applied)
        {
            if (value is not null)
            {
                target[name] = Value(target[name], value, place.Member(name));
            }
        }
    }

    private static JsonNode Value(JsonNode? present, JsonNode applied, FieldPlace place)
    {
        switch (place.Structure(applied))
        {
            case FieldStructure.Map when present is JsonObject old && applied is JsonObject map:
                var merged = (JsonObject)old.DeepClone();
                Into(merged, map, place);
                return merged;
            case FieldStructure.Set or FieldStructure.Keyed when present is JsonArray old && applied is JsonArray list && old.Count + list.Count > 0:
                return List(old, list, place);
            default:
                return applied.DeepClone();
        }
    }

    /// <summary>
    /// The members of both: those that are applied in their own order, those that are only there at the place that they
    /// have between the shared ones.
    /// </summary>
    private static JsonArray List(JsonArray present, JsonArray applied, FieldPlace place)
    {
        var left = place.Items(present);
        var right = place.Items(applied);
        var inLeft = left.Select(i => i.Element).ToHashSet();
        var twice = left.GroupBy(i => i.Element).Where(g => g.Count() > 1).Select(g => g.Key).ToHashSet();
        var byElement = left.DistinctBy(i => i.Element).ToDictionary(i => i.Element, i => twice.Contains(i.Element) ? null : i.Item);
        var inRight = right.Select(i => i.Element).ToHashSet();
        var shared = new Queue<string>(right.Select(i => i.Element).Where(inLeft.Contains));
        var done = new HashSet<string>();
        var next = shared.Count > 0 ? shared.Dequeue() : null;
        var merged = new JsonArray();
        var l = 0;
        var r = 0;
        while (l < left.Count || r < right.Count)
        {
            if (l < left.Count && r < right.Count)
            {
                var element = left[l].Element;
                if (element == right[r].Element)
                {
                    done.Add(element);
                    merged.Add(Member(byElement[element], right[r].Item, place));
                    l++;
                    r++;
                    next = shared.Count > 0 ? shared.Dequeue() : null;
                    continue;
                }

                if (inRight.Contains(element) && next is not null && next != element)
                {
                    l++;
                    continue;
                }
            }

            if (l < left.Count)
            {
                if (!inRight.Contains(left[l].Element))
                {
                    merged.Add(left[l].Item?.DeepClone());
                    l++;
                    continue;
                }

                if (done.Contains(left[l].Element))
                {
                    l++;
                }
            }

            if (r < right.Count)
            {
                var element = right[r].Element;
                done.Add(element);
                merged.Add(Member(byElement.GetValueOrDefault(element), right[r].Item, place));
                r++;
                if (next == element)
                {
                    next = shared.Count > 0 ? shared.Dequeue() : null;
                }
            }
        }

        return merged;
    }

    private static JsonNode? Member(JsonNode? present, JsonNode? applied, FieldPlace place) =>
        applied is null ? null : present is null ? applied.DeepClone() : Value(present, applied, place.Element);
}
