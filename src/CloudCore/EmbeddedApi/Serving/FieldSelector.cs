using System.Text;
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
        foreach (var part in Terms(text ?? ""))
        {
            if (part is "" or "=" or "==")
            {
                // nothing is asked of nothing
                continue;
            }

            if (Operator(part) is not ({ } at, var sign))
            {
                throw ApiException.BadRequest($"invalid selector: '{text}'; can't understand '{part}'");
            }

            var field = part[..at];
            var index = IndexOf(resource.SelectableFields, field);
            if (index < 0 && field is not ("metadata.name" or "metadata.namespace"))
            {
                throw ApiException.BadRequest(resource switch
                {
                    { SelectableFields.Count: 0 } => $"\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                    { SelectorKind: { } kind } => $"field label \"{field}\" not supported for {kind}",
                    _ => $"field label not supported: {field}",
                });
            }

            terms.Add((field, index, Unescape(part[(at + sign.Length)..]), sign != "!="));
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

    /// <summary>The parts between commas; a comma after a backslash is one of a value.</summary>
    private static IEnumerable<string> Terms(string text)
    {
        var begin = 0;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\':
                    i++;
                    break;
                case ',':
                    yield return text[begin..i];
                    begin = i + 1;
                    break;
            }
        }

        yield return text[begin..];
    }

    /// <summary>The first operator of a term: where it stands, and which one it is.</summary>
    private static (int? At, string Sign) Operator(string term)
    {
        for (var i = 0; i < term.Length; i++)
        {
            switch (term.AsSpan(i))
            {
                case ['\\', ..]:
                    i++;
                    break;
                case ['!', '=', ..]:
                    return (i, "!=");
                case ['=', '=', ..]:
                    return (i, "==");
                case ['=', ..]:
                    return (i, "=");
            }
        }

        return (null, "");
    }

    /// <summary>A backslash stands before a comma, an equals sign or a backslash that is part of a value.</summary>
    private static string Unescape(string value)
    {
        if (value.AsSpan().IndexOfAny('\\', '=') < 0)
        {
            return value;
        }

        var plain = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            switch (value[i])
            {
                case '\\' when i + 1 < value.Length && value[i + 1] is '\\' or ',' or '=':
                    plain.Append(value[++i]);
                    break;
                case '\\':
                    throw ApiException.BadRequest($"invalid field selector: invalid escape sequence: {value.AsSpan(i, Math.Min(2, value.Length - i))}");
                case '=':
                    throw ApiException.BadRequest($"invalid field selector: unescaped character in value: {(int)value[i]}");
                default:
                    plain.Append(value[i]);
                    break;
            }
        }

        return plain.ToString();
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
