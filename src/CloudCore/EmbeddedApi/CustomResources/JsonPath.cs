using System.Globalization;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>
/// The part of kubectl's JSONPath that printer columns use: fields, indexes and slices, wildcards, unions, recursive descent and filters
/// (<c>.status.conditions[?(@.type=="Ready")].status</c>). Immutable.
/// </summary>
internal sealed class JsonPath
{
    // a path with recursive descents must not multiply without end
    private const int MostResults = 1000;

    private readonly List<Step> _steps;

    private JsonPath(List<Step> steps) => _steps = steps;

    private enum Comparison
    {
        Exists,
        Equal,
        NotEqual,
        Less,
        LessOrEqual,
        Greater,
        GreaterOrEqual,
    }

    /// <param name="text">The path, with or without braces, beginning with a dot.</param>
    /// <param name="path">The path read.</param>
    /// <param name="why">What is wrong with it.</param>
    public static bool TryParse(string text, out JsonPath? path, out string why)
    {
        try
        {
            path = new JsonPath(new Parser(text.StartsWith('{') && text.EndsWith('}') ? text[1..^1] : text).Parse());
            why = "";
            return true;
        }
        catch (FormatException e)
        {
            path = null;
            why = e.Message;
            return false;
        }
    }

    /// <summary>The values at the path, in order; none where a step is missing.</summary>
    public List<JsonElement> Find(JsonElement root)
    {
        var current = new List<JsonElement> { root };
        foreach (var step in _steps)
        {
            var next = new List<JsonElement>();
            foreach (var element in current)
            {
                step.Walk(element, next);
                if (next.Count >= MostResults)
                {
                    break;
                }
            }

            if (next.Count == 0)
            {
                return next;
            }

            current = next;
        }

        return current;
    }

    /// <summary>The first value; undefined where there is none.</summary>
    public JsonElement First(JsonElement root)
    {
        // what most columns are: a chain of fields
        var current = root;
        foreach (var step in _steps)
        {
            if (step is not Field field)
            {
                return Find(root) is [var first, ..] ? first : default;
            }

            if (current.ValueKind != JsonValueKind.Object || !current.TryGetProperty(field.Name, out current))
            {
                return default;
            }
        }

        return current;
    }

    private abstract record Step
    {
        public abstract void Walk(JsonElement element, List<JsonElement> output);
    }

    private sealed record Field(string Name) : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output)
        {
            if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty(Name, out var value))
            {
                output.Add(value);
            }
        }
    }

    private sealed record Wildcard : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output)
        {
            if (element.ValueKind == JsonValueKind.Array)
            {
                output.AddRange(element.EnumerateArray());
            }
            else if (element.ValueKind == JsonValueKind.Object)
            {
                output.AddRange(element.EnumerateObject().Select(m => m.Value));
            }
        }
    }

    private sealed record Slice(int? From, int? To, int By) : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output)
        {
            if (element.ValueKind != JsonValueKind.Array)
            {
                return;
            }

            var length = element.GetArrayLength();
            var from = Math.Clamp(From < 0 ? From.Value + length : From ?? 0, 0, length);
            var to = Math.Clamp(To < 0 ? To.Value + length : To ?? length, 0, length);
            for (var i = from; i < to; i += By)
            {
                output.Add(element[i]);
            }
        }
    }

    private sealed record Index(int At) : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output)
        {
            if (element.ValueKind == JsonValueKind.Array && (At < 0 ? At + element.GetArrayLength() : At) is >= 0 and var at && at < element.GetArrayLength())
            {
                output.Add(element[at]);
            }
        }
    }

    private sealed record Union(List<Step> Steps) : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output) => Steps.ForEach(s => s.Walk(element, output));
    }

    private sealed record Descend : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output)
        {
            if (output.Count >= MostResults)
            {
                return;
            }

            output.Add(element);
            var below = new List<JsonElement>();
            new Wildcard().Walk(element, below);
            below.ForEach(b => Walk(b, output));
        }
    }

    private sealed record Filter(JsonPath Left, Comparison How, JsonPath? Right, JsonElement Literal) : Step
    {
        public override void Walk(JsonElement element, List<JsonElement> output)
        {
            var members = new List<JsonElement>();
            new Wildcard().Walk(element, members);
            output.AddRange(members.Where(Matches));
        }

        private bool Matches(JsonElement member)
        {
            var left = Left.Find(member);
            if (left.Count == 0 || How == Comparison.Exists)
            {
                return left.Count > 0;
            }

            var right = Right is null ? Literal : Right.First(member);
            return right.ValueKind != JsonValueKind.Undefined && Compare(left[0], right) is { } order && How switch
            {
                Comparison.Equal => order == 0,
                Comparison.NotEqual => order != 0,
                Comparison.Less => order < 0,
                Comparison.LessOrEqual => order <= 0,
                Comparison.Greater => order > 0,
                _ => order >= 0,
            };
        }

        private static int? Compare(JsonElement left, JsonElement right) => (left.ValueKind, right.ValueKind) switch
        {
            (JsonValueKind.String, JsonValueKind.String) => string.CompareOrdinal(left.GetString(), right.GetString()),
            (JsonValueKind.Number, JsonValueKind.Number) => left.GetDouble().CompareTo(right.GetDouble()),
            (JsonValueKind.True or JsonValueKind.False, JsonValueKind.True or JsonValueKind.False) => left.GetBoolean().CompareTo(right.GetBoolean()),
            _ => null,
        };
    }

    /// <summary>Reads a path from left to right.</summary>
    private sealed class Parser(string text)
    {
        private int _at;

        public List<Step> Parse()
        {
            var steps = new List<Step>();
            if (Peek is '$' or '@')
            {
                _at++;
            }

            while (_at < text.Length)
            {
                switch (Peek)
                {
                    case '.' when At(1) == '.':
                        _at += 2;
                        steps.Add(new Descend());
                        if (Peek is not ('[' or '\0'))
                        {
                            steps.Add(Name());
                        }

                        break;
                    case '.':
                        _at++;
                        if (_at < text.Length && Peek != '[')
                        {
                            steps.Add(Name());
                        }

                        break;
                    case '[':
                        steps.Add(Bracket());
                        break;
                    default:
                        throw new FormatException($"unexpected \"{text[_at]}\" at {Position}");
                }
            }

            return steps;
        }

        private char Peek => At(0);

        private string Position => (_at + 1).ToString(CultureInfo.InvariantCulture);

        private char At(int offset) => _at + offset < text.Length ? text[_at + offset] : '\0';

        private Step Name()
        {
            if (Peek == '*')
            {
                _at++;
                return new Wildcard();
            }

            var name = new System.Text.StringBuilder();
            for (; _at < text.Length && Peek is not ('.' or '['); _at++)
            {
                if (Peek == '\\' && _at + 1 < text.Length)
                {
                    _at++;
                }

                name.Append(Peek);
            }

            return name.Length > 0 ? new Field(name.ToString()) : throw new FormatException($"a name is missing at {Position}");
        }

        private Step Bracket()
        {
            _at++;
            var end = Closing();
            var inner = text[_at..end].Trim();
            _at = end + 1;
            if (inner.StartsWith("?(", StringComparison.Ordinal) && inner.EndsWith(')'))
            {
                return ReadFilter(inner[2..^1].Trim());
            }

            var parts = Split(inner, ',');
            var steps = parts.Select(Single).ToList();
            return steps.Count == 1 ? steps[0] : new Union(steps);
        }

        private static Step Single(string part)
        {
            if (part == "*")
            {
                return new Wildcard();
            }

            if (part.Length >= 2 && part[0] is '\'' or '"' && part[^1] == part[0])
            {
                return new Field(part[1..^1]);
            }

            var numbers = part.Split(':');
            return numbers.Length switch
            {
                1 => new Index(Number(part) ?? throw new FormatException("an index is missing")),
                <= 3 => new Slice(Number(numbers[0]), Number(numbers[1]), Math.Max(1, numbers.Length == 3 ? Number(numbers[2]) ?? 1 : 1)),
                _ => throw new FormatException($"\"{part}\" is no index"),
            };
        }

        private static int? Number(string part) => part.Trim() switch
        {
            "" => null,
            var digits when int.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
            var other => throw new FormatException($"\"{other}\" is no index"),
        };

        /// <summary>The bracket's end; brackets and quotes inside of it do not end it.</summary>
        private int Closing()
        {
            var depth = 0;
            var quote = '\0';
            for (var i = _at; i < text.Length; i++)
            {
                var c = text[i];
                if (quote != '\0')
                {
                    quote = c == quote ? '\0' : quote;
                }
                else if (c is '\'' or '"')
                {
                    quote = c;
                }
                else if (c == '[')
                {
                    depth++;
                }
                else if (c == ']' && depth-- == 0)
                {
                    return i;
                }
            }

            throw new FormatException("a bracket is not closed");
        }

        private static List<string> Split(string inner, char separator)
        {
            var parts = new List<string>();
            var quote = '\0';
            var start = 0;
            for (var i = 0; i < inner.Length; i++)
            {
                if (quote != '\0')
                {
                    quote = inner[i] == quote ? '\0' : quote;
                }
                else if (inner[i] is '\'' or '"')
                {
                    quote = inner[i];
                }
                else if (inner[i] == separator)
                {
                    parts.Add(inner[start..i].Trim());
                    start = i + 1;
                }
            }

            parts.Add(inner[start..].Trim());
            return parts;
        }

        private static Filter ReadFilter(string condition)
        {
            foreach (var (sign, how) in ((string, Comparison)[])
                [("==", Comparison.Equal), ("!=", Comparison.NotEqual), ("<=", Comparison.LessOrEqual), (">=", Comparison.GreaterOrEqual), ("<", Comparison.Less), (">", Comparison.Greater)])
            {
                var at = IndexOutsideQuotes(condition, sign);
                if (at < 0)
                {
                    continue;
                }

                var right = condition[(at + sign.Length)..].Trim();
                return right.StartsWith('@') || right.StartsWith('$')
                    ? new Filter(Operand(condition[..at]), how, Operand(right), default)
                    : new Filter(Operand(condition[..at]), how, null, ReadLiteral(right));
            }

            return new Filter(Operand(condition), Comparison.Exists, null, default);
        }

        private static int IndexOutsideQuotes(string condition, string sign)
        {
            var quote = '\0';
            for (var i = 0; i < condition.Length; i++)
            {
                if (quote != '\0')
                {
                    quote = condition[i] == quote ? '\0' : quote;
                }
                else if (condition[i] is '\'' or '"')
                {
                    quote = condition[i];
                }
                else if (string.CompareOrdinal(condition, i, sign, 0, sign.Length) == 0)
                {
                    return i;
                }
            }

            return -1;
        }

        private static JsonPath Operand(string operand) => operand.Trim() is { Length: > 0 } path && path[0] == '@'
            ? new JsonPath(new Parser(path).Parse())
            : throw new FormatException($"a filter compares paths that begin with @, not \"{operand.Trim()}\"");

        private static JsonElement ReadLiteral(string literal)
        {
            var json = literal.Length >= 2 && literal[0] == '\'' && literal[^1] == '\'' ? $"\"{literal[1..^1].Replace("\"", "\\\"", StringComparison.Ordinal)}\"" : literal;
            try
            {
                using var document = JsonDocument.Parse(json);
                return document.RootElement.Clone();
            }
            catch (JsonException)
            {
                throw new FormatException($"\"{literal}\" is neither a text, a number, true nor false");
            }
        }
    }
}
