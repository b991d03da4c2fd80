using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>
/// A set of fields of an object, as a tree: each node is a field or a list's member, and may be in the set itself,
/// besides what is below it. Written as Kubernetes' FieldsV1:
/// <code>
/// { ".": {}, "f:FIELD": {…}, "k:{KEYS}": {…}, "v:VALUE": {…} }    "." says that the node is in the set; a node with
///                                                                nothing below it is written as {} and is in it
/// </code>
/// </summary>
internal sealed class FieldSet
{
    private const string Self = ".";

    private SortedDictionary<string, FieldSet>? _children;

    /// <summary>Whether the field itself is in the set.</summary>
    public bool IsMember { get; set; }

    public bool IsEmpty => !IsMember && _children is null or { Count: 0 };

    /// <summary>What is below, by <c>f:</c>, <c>k:</c> or <c>v:</c> and the name.</summary>
    public IEnumerable<KeyValuePair<string, FieldSet>> Children => _children ?? Enumerable.Empty<KeyValuePair<string, FieldSet>>();

    public FieldSet? Child(string element) => _children?.GetValueOrDefault(element);

    public FieldSet ChildOrNew(string element)
    {
        _children ??= new SortedDictionary<string, FieldSet>(StringComparer.Ordinal);
        if (!_children.TryGetValue(element, out var child))
        {
            _children[element] = child = new FieldSet();
        }

        return child;
    }

    public void Insert(IEnumerable<string> path)
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
    public int Count() => (IsMember ? 1 : 0) + Children.Sum(c => c.Value.Count());

    public FieldSet Union(FieldSet other)
    {
        var result = new FieldSet { IsMember = IsMember || other.IsMember };
        foreach (var (element, child) in Children)
        {
            result.Put(element, other.Child(element) is { } twin ? child.Union(twin) : child.Copy());
        }

        foreach (var (element, child) in other.Children)
        {
            if (Child(element) is null)
            {
                result.Put(element, child.Copy());
            }
        }

        return result;
    }

    public FieldSet Difference(FieldSet other)
    {
        var result = new FieldSet { IsMember = IsMember && !other.IsMember };
        foreach (var (element, child) in Children)
        {
            result.Put(element, other.Child(element) is { } twin ? child.Difference(twin) : child.Copy());
        }

        return result;
    }

    public FieldSet Intersection(FieldSet other)
    {
        var result = new FieldSet { IsMember = IsMember && other.IsMember };
        foreach (var (element, child) in Children)
        {
            if (other.Child(element) is { } twin)
            {
                result.Put(element, child.Intersection(twin));
            }
        }

        return result;
    }

    public bool SetEquals(FieldSet other) =>
        IsMember == other.IsMember
        && Children.Count() == other.Children.Count()
        && Children.All(c => other.Child(c.Key) is { } twin && c.Value.SetEquals(twin));

    public FieldSet Copy()
    {
        var result = new FieldSet { IsMember = IsMember };
        foreach (var (element, child) in Children)
        {
            result.Put(element, child.Copy());
        }

        return result;
    }

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

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var (element, child) in Children)
        {
            var inner = child.ToJson();
            if (child.IsMember && inner.Count > 0)
            {
                inner.Insert(0, Self, new JsonObject());
            }

            json[element] = inner;
        }

        return json;
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
            foreach (var (element, candidate) in Children)
            {
                if (reader.ValueTextEquals(element))
                {
                    child = candidate;
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
            _children ??= new SortedDictionary<string, FieldSet>(StringComparer.Ordinal);
            _children[element] = child;
        }
    }

    private void Prune()
    {
        foreach (var (element, child) in Children.ToList())
        {
            child.Prune();
            if (child.IsEmpty)
            {
                _children!.Remove(element);
            }
        }
    }
}
