using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>
/// A set of fields of an object, as a tree: each node is a field or a list's member, and may be in the set itself,
/// besides what is below it. Written as Kubernetes' FieldsV1:
/// <code>
/// { ".": {}, "f:FIELD": {…}, "k:{KEYS}": {…}, "v:VALUE": {…} }    "." says that the node is in the set; a node with
///                                                                nothing below it is written as {} and is in it
/// </code>
/// What <see cref="Union"/>, <see cref="Difference"/> and <see cref="Intersection"/> make shares its parts with what it was made of: a set
/// is changed in place only by whoever built it, and before it goes into another one.
/// </summary>
internal sealed class FieldSet
{
    private const string Self = ".";

    // in order, as they are written; most have a handful
    private SortedList<string, FieldSet>? _children;

    /// <summary>Whether the field itself is in the set.</summary>
    public bool IsMember { get; set; }

    public bool IsEmpty => !IsMember && _children is null or { Count: 0 };

    /// <summary>What is below, by <c>f:</c>, <c>k:</c> or <c>v:</c> and the name.</summary>
    public IEnumerable<KeyValuePair<string, FieldSet>> Children => _children ?? Enumerable.Empty<KeyValuePair<string, FieldSet>>();

    public FieldSet? Child(string element) => _children?.GetValueOrDefault(element);

    public FieldSet ChildOrNew(string element)
    {
        _children ??= new SortedList<string, FieldSet>(StringComparer.Ordinal);
        if (!_children.TryGetValue(element, out var child))
        {
            _children.Add(element, child = new FieldSet());
        }

        return child;
    }

    public void Insert(List<string> path)
    {
        var node = this;
        foreach (var element in path)
        {
            node = node.ChildOrNew(element);
        }

        node.IsMember = true;
    }

    /// <summary>Takes a field out with all that is below it.</summary>
    public void RemoveBelow(params ReadOnlySpan<string> path)
    {
        var node = this;
        foreach (var element in path[..^1])
        {
            if (node.Child(element) is not { } child)
            {
                return;
            }

            node = child;
        }

        node._children?.Remove(path[^1]);
    }

    /// <summary>Takes a field out, but not what is below it.</summary>
    public void RemoveMember(params ReadOnlySpan<string> path)
    {
        var node = this;
        foreach (var element in path)
        {
            if (node.Child(element) is not { } child)
            {
                return;
            }

            node = child;
        }

        node.IsMember = false;
        Prune();
    }

    /// <summary>The number of fields in the set.</summary>
    public int Count()
    {
        var count = IsMember ? 1 : 0;
        for (var i = 0; i < ChildCount; i++)
        {
            count += ChildAt(i).Count();
        }

        return count;
    }

    public FieldSet Union(FieldSet other)
    {
        if (other.IsEmpty || ReferenceEquals(this, other))
        {
            return this;
        }

        if (IsEmpty)
        {
            return other;
        }

        // both are in order, so that each is put behind what is there
        var result = new FieldSet { IsMember = IsMember || other.IsMember };
        var (own, others) = (0, 0);
        while (own < ChildCount || others < other.ChildCount)
        {
            var order = own == ChildCount ? 1
                : others == other.ChildCount ? -1
                : string.CompareOrdinal(ElementAt(own), other.ElementAt(others));
            var element = order <= 0 ? ElementAt(own) : other.ElementAt(others);
            result.Put(element, order switch
            {
                < 0 => ChildAt(own++),
                > 0 => other.ChildAt(others++),
                _ => ChildAt(own++).Union(other.ChildAt(others++)),
            });
        }

        return result;
    }

    public FieldSet Difference(FieldSet other)
    {
        if (other.IsEmpty)
        {
            return this;
        }

        var result = new FieldSet { IsMember = IsMember && !other.IsMember };
        for (var i = 0; i < ChildCount; i++)
        {
            result.Put(ElementAt(i), other.Child(ElementAt(i)) is { } twin ? ChildAt(i).Difference(twin) : ChildAt(i));
        }

        return result;
    }

    public FieldSet Intersection(FieldSet other)
    {
        var result = new FieldSet { IsMember = IsMember && other.IsMember };
        for (var i = 0; i < ChildCount; i++)
        {
            if (other.Child(ElementAt(i)) is { } twin)
            {
                result.Put(ElementAt(i), ChildAt(i).Intersection(twin));
            }
        }

        return result;
    }

    public bool SetEquals(FieldSet other) =>
        IsMember == other.IsMember
        && Children.Count() == other.Children.Count()
        && Children.All(c => other.Child(c.Key) is { } twin && c.Value.SetEquals(twin));

    /// <summary>The paths of all fields in the set.</summary>
    public IEnumerable<IReadOnlyList<string>> Paths() => Paths([]);

    /// <exception cref="FormatException">The text is no set of fields.</exception>
    public static FieldSet Parse(JsonObject fields)
    {
        var set = new FieldSet();
        foreach (var (name, value) in fields)
        {
            if (name == Self)
            {
                set.IsMember = true;
                continue;
            }

            var inner = value as JsonObject ?? throw new FormatException($"{name} must be an object");
            var child = Parse(inner);
            child.IsMember |= inner.Count == 0;
            set.Put(FieldElement.Canonical(name), child);
        }

        return set;
    }

    /// <summary>As JSON that is only read out again: it is kept as text, not as a tree.</summary>
    public JsonObject ToJson()
    {
        using var scratch = JsonScratch.Rent();
        Write(scratch.Writer, withSelf: false);
        return (JsonObject)JsonNode.Parse(scratch.Written, null, JsonFormat.StoredReader)!;
    }

    /// <summary>
    /// How many of this set's fields are in the set that the reader stands at (its opening brace), without building that
    /// one: writes that change nothing about who owns what are by far the most, and are told so.
    /// </summary>
    public int CountIn(ref Utf8JsonReader reader)
    {
        var found = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var child = default(FieldSet);
            for (var i = 0; i < ChildCount; i++)
            {
                if (reader.ValueTextEquals(ElementAt(i)))
                {
                    child = ChildAt(i);
                    break;
                }
            }

            if (child is null)
            {
                reader.Read();
                reader.Skip();
                continue;
            }

            reader.Read();
            found += child.CountWithSelf(ref reader);
        }

        return found;
    }

    private int ChildCount => _children?.Count ?? 0;

    private string ElementAt(int index) => _children!.GetKeyAtIndex(index);

    private FieldSet ChildAt(int index) => _children!.GetValueAtIndex(index);

    private void Write(Utf8JsonWriter writer, bool withSelf)
    {
        writer.WriteStartObject();
        if (withSelf && ChildCount > 0)
        {
            writer.WriteStartObject(Self);
            writer.WriteEndObject();
        }

        for (var i = 0; i < ChildCount; i++)
        {
            writer.WritePropertyName(ElementAt(i));
            ChildAt(i).Write(writer, ChildAt(i).IsMember);
        }

        writer.WriteEndObject();
    }

    private int CountWithSelf(ref Utf8JsonReader reader)
    {
        var ahead = reader;
        ahead.Read();
        if (ahead.TokenType == JsonTokenType.EndObject)
        {
            reader = ahead;
            return IsMember ? 1 : 0;
        }

        // Kubernetes writes "." first
        return (IsMember && ahead.ValueTextEquals("."u8) ? 1 : 0) + CountIn(ref reader);
    }

    private IEnumerable<IReadOnlyList<string>> Paths(List<string> above)
    {
        if (IsMember && above.Count > 0)
        {
            yield return above;
        }

        foreach (var (element, child) in Children)
        {
            foreach (var path in child.Paths([.. above, element]))
            {
                yield return path;
            }
        }
    }

    private void Put(string element, FieldSet child)
    {
        if (!child.IsEmpty)
        {
            _children ??= new SortedList<string, FieldSet>(StringComparer.Ordinal);
            _children[element] = child;
        }
    }

    private void Prune()
    {
        for (var i = ChildCount - 1; i >= 0; i--)
        {
            ChildAt(i).Prune();
            if (ChildAt(i).IsEmpty)
            {
                _children!.RemoveAt(i);
            }
        }
    }
}
