using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>A field selector of a query: <c>spec.nodeName=x,status.phase!=Failed</c>.</summary>
internal sealed class FieldSelector
{
    private readonly List<(string Field, int Index, string Value, bool Equal)> _terms;
    private readonly ResourceDescriptor _resource;

    private FieldSelector(List<(string, int, string, bool)> terms, ResourceDescriptor resource)
    {
        _terms = terms;
        _resource = resource;
    }

    public bool IsEverything => _terms.Count == 0;

    /// <summary>The name that the selector asks for, where it asks for exactly one.</summary>
    public string? Name { get; private init; }

    /// <exception cref="ApiException">400 where the text is not a selector, or asks for a field that the resource does not offer.</exception>
    public static FieldSelector Parse(string? text, ResourceDescriptor resource)
    {
        var terms = new List<(string Field, int Index, string Value, bool Equal)>();
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var not = part.IndexOf("!=", StringComparison.Ordinal);
            var at = not > 0 ? not : part.IndexOf('=', StringComparison.Ordinal);
            if (part is "=" or "==")
            {
                // nothing is asked of nothing
                continue;
            }

            if (at <= 0)
            {
                throw ApiException.BadRequest($"invalid selector: '{text}'; can't understand '{part}'");
            }

            var field = part[..at];
            var index = IndexOf(resource.SelectableFields, field);
            if (index < 0 && field is not ("metadata.name" or "metadata.namespace"))
            {
                throw ApiException.BadRequest(resource.SelectableFields.Count == 0
                    ? $"\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    : $"field label not supported: {field}");
            }

            var value = part[(not > 0 ? at + 2 : part.AsSpan(at).StartsWith("==") ? at + 2 : at + 1)..];
            terms.Add((field, index, value, not <= 0));
        }

        return new FieldSelector(terms, resource)
        {
            Name = terms.FirstOrDefault(t => t is { Field: "metadata.name", Equal: true }).Value,
        };
    }

    public bool Matches(StoredObject stored)
    {
        foreach (var (field, index, value, equal) in _terms)
        {
            var found = field switch
            {
                "metadata.name" => stored.Key.Name,
                "metadata.namespace" => stored.Key.Namespace,
                _ => stored.Fields(_resource.SelectablePaths)[index] is { Length: > 0 } there ? there : _resource.FieldsWhereMissing.GetValueOrDefault(field, ""),
            };
            if (found == value != equal)
            {
                return false;
            }
        }

        return true;
    }

    private static int IndexOf(IReadOnlyList<string> fields, string field)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            if (fields[i] == field)
            {
                return i;
            }
        }

        return -1;
    }
}
