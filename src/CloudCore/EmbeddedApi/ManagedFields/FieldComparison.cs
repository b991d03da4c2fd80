using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>
/// Which fields differ between two versions of an object. One walk over both; paths are only made for what differs.
/// Fields that a Go client always writes count as present and empty where they are missing, so that what comes out is
/// what Kubernetes' own server finds.
/// </summary>
internal sealed class FieldComparison
{
    private static readonly JsonObject s_emptyObject = [];
    private static readonly JsonArray s_emptyList = [];

    private readonly List<string> _path = [];

    /// <summary>Added or with another value.</summary>
    public FieldSet Changed { get; } = new();

    public FieldSet Removed { get; } = new();

    public bool IsSame => Changed.IsEmpty && Removed.IsEmpty;

    /// <summary>Compares the members that are asked for.</summary>
    /// <param name="before">The older version; an empty one where there was none.</param>
    /// <param name="after">The newer version.</param>
    /// <param name="place">Where in the schema both are.</param>
    /// <param name="includes">Says which members of the root count.</param>
    public static FieldComparison Of(JsonObject before, JsonObject after, FieldPlace place, Func<string, bool> includes)
    {
        var comparison = new FieldComparison();
        comparison.Members(before, after, place, includes);
        return comparison;
    }

    private void Compare(JsonNode? before, JsonNode? after, FieldPlace place, string? field, string? element)
    {
        if (before is null && after is null)
        {
            return;
        }

        var structure = place.Structure(before ?? after);
        if (before is not null && after is not null && place.Structure(after) != structure)
        {
            // it has become something else altogether
            Compare(before, null, place, field, element);
            Compare(null, after, place, field, element);
            return;
        }

        if (structure == FieldStructure.Leaf || (IsEmpty(before) && IsEmpty(after)))
        {
            if (before is null || after is null || !((IsEmpty(before) && IsEmpty(after)) || JsonNode.DeepEquals(before, after)))
            {
                Insert(after is null ? Removed : Changed, field, element);
            }

            return;
        }

        _path.Add(element ?? FieldElement.OfField(field!));
        if (structure == FieldStructure.Map)
        {
            Members(before as JsonObject, after as JsonObject, place, null);
        }
        else if (before is null || after is null || !JsonNode.DeepEquals(before, after))
        {
            Items(before as JsonArray, after as JsonArray, place);
        }

        if (before is null)
        {
            Changed.Insert(_path);
        }
        else if (after is null)
        {
            Removed.Insert(_path);
        }

        _path.RemoveAt(_path.Count - 1);
    }

    private void Members(JsonObject? before, JsonObject? after, FieldPlace place, Func<string, bool>? includes)
    {
        var always = place.Shape.Kind == FieldKind.Object ? place.Shape.Type!.AlwaysWritten : [];
        foreach (var (name, value) in after ?? [])
        {
            if (includes?.Invoke(name) != false)
            {
                var member = place.Member(name);
                if (value is null && before?.ContainsKey(name) != true && member.Field is not { IsAlwaysWritten: true })
                {
                    // a null that somebody wrote is a value; one that is written in is not
                    Insert(Changed, name, member.Field?.Element);
                }

                Compare(Zero(before, before?[name], value, member.Field), value, member, name, member.Field?.Element);
            }
        }

        foreach (var (name, value) in before ?? [])
        {
            if (value is not null && after?[name] is null && includes?.Invoke(name) != false)
            {
                var member = place.Member(name);
                Compare(value, Zero(after, null, value, member.Field), member, name, member.Field?.Element);
            }
        }

        // what only one side has as a whole brings its always written fields along
        if ((before is null) != (after is null))
        {
            var whole = (before ?? after)!;
            foreach (var field in always)
            {
                if (whole[field.Name] is null)
                {
                    Insert(after is null ? Removed : Changed, field.Name, null);
                }
            }
        }
    }

    /// <summary>What a missing field that is always written stands for, in the object where it is missing.</summary>
    private static JsonNode? Zero(JsonObject? parent, JsonNode? present, JsonNode? other, FieldSchema? field)
    {
        if (present is not null || parent is null || field is not { IsAlwaysWritten: true } || other is null)
        {
            return present;
        }

        return other switch
        {
            JsonObject => s_emptyObject,
            JsonArray { Count: > 0 } => s_emptyList,
            JsonValue value when IsZero(value) => value,
            _ => null,
        };
    }

    private void Items(JsonArray? before, JsonArray? after, FieldPlace place)
    {
        var items = place.Items(after);
        if (before is null or { Count: 0 } && AreDistinct(items))
        {
            // every list of an object that is new
            items.ForEach(item => Compare(null, item.Item, place.Element, null, item.Element));
            return;
        }

        var old = place.Items(before).ToLookup(i => i.Element, i => i.Item);
        var young = items.ToLookup(i => i.Element, i => i.Item);
        foreach (var group in young)
        {
            Item(group.Key, [.. old[group.Key]], [.. group], place);
        }

        foreach (var group in old)
        {
            if (!young.Contains(group.Key))
            {
                Item(group.Key, [.. group], [], place);
            }
        }
    }

    private static bool AreDistinct(List<(string Element, JsonNode? Item)> items) =>
        items.Count < 2 || items.Select(item => item.Element).ToHashSet().Count == items.Count;

    private void Item(string element, JsonNode?[] before, JsonNode?[] after, FieldPlace place)
    {
        switch (before.Length, after.Length)
        {
            case ( <= 1, <= 1):
                Compare(before.FirstOrDefault(), after.FirstOrDefault(), place.Element, null, element);
                break;
            case ( >= 2, >= 2):
                // members whose key stands twice are one value together
                if (before.Length != after.Length || !before.Zip(after).All(p => JsonNode.DeepEquals(p.First, p.Second)))
                {
                    Insert(Changed, null, element);
                }

                break;
            case ( >= 2, _):
                if (after.Length > 0)
                {
                    Compare(null, after[0], place.Element, null, element);
                }

                Insert(Removed, null, element);
                break;
            default:
                if (before.Length > 0)
                {
                    Compare(before[0], null, place.Element, null, element);
                }

                Insert(Changed, null, element);
                break;
        }
    }

    private void Insert(FieldSet set, string? field, string? element)
    {
        _path.Add(element ?? FieldElement.OfField(field!));
        set.Insert(_path);
        _path.RemoveAt(_path.Count - 1);
    }

    private static bool IsEmpty(JsonNode? node) => node is null or JsonObject { Count: 0 } or JsonArray { Count: 0 };

    private static bool IsZero(JsonValue value) => value.GetValueKind() switch
    {
        System.Text.Json.JsonValueKind.False => true,
        System.Text.Json.JsonValueKind.String => value.GetValue<string>().Length == 0,
        System.Text.Json.JsonValueKind.Number => value.ToString() == "0",
        _ => false,
    };
}
