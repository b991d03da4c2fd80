using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>A label selector of a query: <c>a=b,c!=d,e in (f,g),h notin (i),j,!k</c>.</summary>
internal sealed class LabelSelector
{
    public static readonly LabelSelector Everything = new([]);

    private readonly List<Requirement> _requirements;

    private LabelSelector(List<Requirement> requirements) => _requirements = requirements;

    public bool IsEverything => _requirements.Count == 0;

    private enum Operator
    {
        In,
        NotIn,
        Exists,
        Missing,
        Greater,
        Less,
    }

    /// <exception cref="ApiException">400 where the text is not a selector.</exception>
    public static LabelSelector Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return Everything;
        }

        var requirements = new List<Requirement>();
        foreach (var part in Split(text))
        {
            var requirement = ParseOne(part.Trim(), text);
            if (requirement.Values.Any(v => NameRules.LabelValue(v) is not null))
            {
                throw Unreadable(text);
            }

            requirements.Add(requirement);
        }

        return new LabelSelector(requirements);
    }

    public bool Matches(StoredObject stored)
    {
        foreach (var requirement in _requirements)
        {
            if (!Matches(requirement, stored.Labels))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Matches(Requirement requirement, ReadOnlySpan<KeyValuePair<string, string>> labels)
    {
        string? value = null;
        foreach (var label in labels)
        {
            if (label.Key == requirement.Key)
            {
                value = label.Value;
                break;
            }
        }

        return requirement.Operator switch
        {
            Operator.In => value is not null && requirement.Values.Contains(value),
            Operator.NotIn => value is null || !requirement.Values.Contains(value),
            Operator.Exists => value is not null,
            Operator.Missing => value is null,
            Operator.Greater => long.TryParse(value, out var number) && number > long.Parse(requirement.Values[0], System.Globalization.CultureInfo.InvariantCulture),
            _ => long.TryParse(value, out var number) && number < long.Parse(requirement.Values[0], System.Globalization.CultureInfo.InvariantCulture),
        };
    }

    /// <summary>At the commas that are not within parentheses.</summary>
    private static List<string> Split(string text)
    {
        var parts = new List<string>();
        var depth = 0;
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
            if (text[i] == ',' && depth == 0)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }

        parts.Add(text[start..]);
        return parts;
    }

    private static Requirement ParseOne(string part, string whole)
    {
        if (part.StartsWith('!'))
        {
            return new Requirement(Key(part[1..], whole), Operator.Missing, []);
        }

        if (part.EndsWith(')') && part.IndexOf('(', StringComparison.Ordinal) is > 0 and var open)
        {
            var words = part[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var values = part[(open + 1)..^1].Split(',').Select(v => v.Trim()).ToArray();
            return words switch
            {
                [var key, "in"] => new Requirement(Key(key, whole), Operator.In, values),
                [var key, "notin"] => new Requirement(Key(key, whole), Operator.NotIn, values),
                _ => throw Unreadable(whole),
            };
        }

        foreach (var (sign, op) in (ReadOnlySpan<(string, Operator)>)[("!=", Operator.NotIn), ("==", Operator.In), ("=", Operator.In)])
        {
            if (part.IndexOf(sign, StringComparison.Ordinal) is > 0 and var at)
            {
                return new Requirement(Key(part[..at], whole), op, [part[(at + sign.Length)..].Trim()]);
            }
        }

        return part.IndexOfAny(['<', '>']) is > 0 and var compare ? Comparison(part, compare, whole) : new Requirement(Key(part, whole), Operator.Exists, []);
    }

    private static Requirement Comparison(string part, int at, string whole)
    {
        var value = part[(at + 1)..].Trim();
        if (!long.TryParse(value, out _))
        {
            throw Unreadable(whole);
        }

        return new Requirement(Key(part[..at], whole), part[at] == '>' ? Operator.Greater : Operator.Less, [value]);
    }

    private static string Key(string text, string whole)
    {
        var key = text.Trim();
        if (NameRules.QualifiedName(key) is { } wrong)
        {
            throw ApiException.BadRequest($"unable to parse requirement: \"{whole}\": invalid label key \"{key}\": {wrong}");
        }

        return key;
    }

    private static ApiException Unreadable(string whole) => ApiException.BadRequest($"unable to parse requirement: \"{whole}\" is not a label selector");

    private sealed record Requirement(string Key, Operator Operator, string[] Values);
}
