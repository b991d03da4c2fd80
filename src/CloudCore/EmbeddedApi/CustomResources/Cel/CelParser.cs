using System.Globalization;
using System.Text;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>
/// Reads the Common Expression Language, but for what Kubernetes' rules hardly use: unsigned numbers, bytes, messages and optionals,
/// which are refused. Precedence, weakest first: <c>?:</c>, <c>||</c>, <c>&amp;&amp;</c>, relations and <c>in</c>, <c>+ -</c>, <c>* / %</c>, unary.
/// </summary>
internal sealed class CelParser
{
    private const int LongestRule = 16 * 1024;
    private const int Deepest = 100;

    private readonly string _text;
    private int _at;
    private int _depth;

    private CelParser(string text) => _text = text;

    /// <exception cref="CelSyntaxException">The text is no expression, or uses what is not supported.</exception>
    public static CelSyntax Parse(string text)
    {
        if (text.Length > LongestRule)
        {
            throw new CelSyntaxException(0, FormattableString.Invariant($"the expression is longer than {LongestRule} characters"));
        }

        var parser = new CelParser(text);
        var expression = parser.Expression();
        parser.Skip();
        return parser._at == text.Length ? expression : throw parser.Unexpected();
    }

    private CelSyntax Expression()
    {
        if (++_depth > Deepest)
        {
            throw new CelSyntaxException(_at, "the expression is nested too deep");
        }

        var condition = Or();
        var at = Place();
        if (Take("?"))
        {
            var yes = Or();
            Expect(":");
            var no = Expression();
            condition = new CelCall(at, "_?_:_", null, [condition, yes, no]);
        }

        _depth--;
        return condition;
    }

    private CelSyntax Or()
    {
        var left = And();
        for (var at = Place(); Take("||"); at = Place())
        {
            left = new CelCall(at, "_||_", null, [left, And()]);
        }

        return left;
    }

    private CelSyntax And()
    {
        var left = Relation();
        for (var at = Place(); Take("&&"); at = Place())
        {
            left = new CelCall(at, "_&&_", null, [left, Relation()]);
        }

        return left;
    }

    private CelSyntax Relation()
    {
        var left = Sum();
        while (true)
        {
            var at = Place();
            var sign = Take("==") ? "==" : Take("!=") ? "!=" : Take("<=") ? "<=" : Take(">=") ? ">=" : Take("<") ? "<" : Take(">") ? ">" : TakeWord("in") ? "in" : null;
            if (sign is null)
            {
                return left;
            }

            left = new CelCall(at, sign == "in" ? "@in" : $"_{sign}_", null, [left, Sum()]);
        }
    }

    private CelSyntax Sum()
    {
        var left = Product();
        while (true)
        {
            var at = Place();
            var sign = Take("+") ? "+" : Take("-") ? "-" : null;
            if (sign is null)
            {
                return left;
            }

            left = new CelCall(at, $"_{sign}_", null, [left, Product()]);
        }
    }

    private CelSyntax Product()
    {
        var left = Unary();
        while (true)
        {
            var at = Place();
            var sign = Take("*") ? "*" : Take("/") ? "/" : Take("%") ? "%" : null;
            if (sign is null)
            {
                return left;
            }

            left = new CelCall(at, $"_{sign}_", null, [left, Unary()]);
        }
    }

    private CelSyntax Unary()
    {
        var at = Place();
        if (++_depth > Deepest)
        {
            throw new CelSyntaxException(_at, "the expression is nested too deep");
        }

        CelSyntax result;
        if (Peek() == '!' && At(1) != '=')
        {
            _at++;
            result = new CelCall(at, "!_", null, [Unary()]);
        }
        else if (Peek() == '-')
        {
            _at++;
            result = char.IsAsciiDigit(Peek()) ? Members(Number(at, negative: true)) : new CelCall(at, "-_", null, [Unary()]);
        }
        else
        {
            result = Members(Primary());
        }

        _depth--;
        return result;
    }

    private CelSyntax Members(CelSyntax operand)
    {
        while (true)
        {
            var at = Place();
            if (Take("."))
            {
                if (Peek() == '?')
                {
                    throw new CelSyntaxException(at, "optional field selection is not supported by this server");
                }

                var name = Identifier();
                var open = Place();
                operand = Take("(") ? Method(open, operand, name) : new CelSelect(at, operand, name, false);
            }
            else if (Take("["))
            {
                var index = Expression();
                Expect("]");
                operand = new CelCall(at, "_[_]", null, [operand, index]);
            }
            else if (Peek() == '{')
            {
                throw new CelSyntaxException(at, "messages are not supported by this server");
            }
            else
            {
                return operand;
            }
        }
    }

    private CelSyntax Method(int at, CelSyntax target, string name)
    {
        var arguments = Arguments(")");
        return (name, arguments.Count) switch
        {
            ("all" or "exists" or "exists_one" or "existsOne" or "filter" or "map", 2) =>
                new CelMacro(at, name == "existsOne" ? "exists_one" : name, target, Variable(arguments[0]), null, arguments[1]),
            ("map", 3) => new CelMacro(at, name, target, Variable(arguments[0]), arguments[1], arguments[2]),
            _ => new CelCall(at, name, target, arguments),
        };
    }

    private static string Variable(CelSyntax argument) => argument is CelName name
        ? name.Name
        : throw new CelSyntaxException(argument.At, "argument must be a simple name");

    private CelSyntax Primary()
    {
        var at = Place();
        var next = Peek();
        if (next == '(')
        {
            _at++;
            var inner = Expression();
            Expect(")");
            return inner;
        }

        if (next == '[')
        {
            _at++;
            return new CelListLiteral(at, Arguments("]"));
        }

        if (next == '{')
        {
            _at++;
            return new CelMapLiteral(at, Entries());
        }

        if (next is '"' or '\'' || (next is 'r' or 'R' && At(1) is '"' or '\''))
        {
            return new CelConstant(at, Text());
        }

        if (next is 'b' or 'B' && At(1) is '"' or '\'')
        {
            throw new CelSyntaxException(at, "bytes are not supported by this server");
        }

        if (char.IsAsciiDigit(next) || (next == '.' && char.IsAsciiDigit(At(1))))
        {
            return Number(at, negative: false);
        }

        return Named(at);
    }

    private CelSyntax Named(int at)
    {
        var name = Identifier();
        switch (name)
        {
            case "true":
                return new CelConstant(at, true);
            case "false":
                return new CelConstant(at, false);
            case "null":
                return new CelConstant(at, null);
        }

        var open = Place();
        if (!Take("("))
        {
            return new CelName(at, name);
        }

        var arguments = Arguments(")");
        if (name != "has")
        {
            return new CelCall(open, name, null, arguments);
        }

        return arguments is [CelSelect { Test: false } select]
            ? select with { Test = true }
            : throw new CelSyntaxException(at, "invalid argument to has() macro");
    }

    private List<CelSyntax> Arguments(string end)
    {
        var arguments = new List<CelSyntax>();
        if (Take(end))
        {
            return arguments;
        }

        do
        {
            if (end == "]" && Peek() == ']')
            {
                break;
            }

            arguments.Add(Expression());
        }
        while (Take(","));
        Expect(end);
        return arguments;
    }

    private List<(CelSyntax Key, CelSyntax Value)> Entries()
    {
        var entries = new List<(CelSyntax, CelSyntax)>();
        while (!Take("}"))
        {
            var key = Expression();
            Expect(":");
            entries.Add((key, Expression()));
            if (!Take(","))
            {
                Expect("}");
                break;
            }
        }

        return entries;
    }

    private string Identifier()
    {
        Skip();
        var start = _at;
        if (_at < _text.Length && (char.IsAsciiLetter(_text[_at]) || _text[_at] == '_'))
        {
            while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] == '_'))
            {
                _at++;
            }
        }

        return _at > start ? _text[start.._at] : throw Unexpected();
    }

    private CelConstant Number(int at, bool negative)
    {
        Skip();
        var start = _at;
        if (Peek() == '0' && At(1) is 'x' or 'X')
        {
            _at += 2;
            while (char.IsAsciiHexDigit(At(0)))
            {
                _at++;
            }

            return long.TryParse(_text.AsSpan(start + 2, _at - start - 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex)
                ? new CelConstant(at, negative ? -hex : hex)
                : throw new CelSyntaxException(at, "invalid int literal");
        }

        var real = false;
        while (char.IsAsciiDigit(At(0)) || (At(0) == '.' && char.IsAsciiDigit(At(1))) || At(0) is 'e' or 'E' || (At(0) is '+' or '-' && _text[_at - 1] is 'e' or 'E'))
        {
            real |= !char.IsAsciiDigit(At(0));
            _at++;
        }

        var digits = (negative ? "-" : "") + _text[start.._at];
        if (At(0) is 'u' or 'U')
        {
            throw new CelSyntaxException(at, "unsigned numbers are not supported by this server");
        }

        if (real)
        {
            return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? new CelConstant(at, number)
                : throw new CelSyntaxException(at, "invalid double literal");
        }

        return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            ? new CelConstant(at, whole)
            : throw new CelSyntaxException(at, "invalid int literal");
    }

    private string Text()
    {
        var raw = _text[_at] is 'r' or 'R';
        _at += raw ? 1 : 0;
        var quote = _text.AsSpan(_at).StartsWith("\"\"\"") ? "\"\"\"" : _text.AsSpan(_at).StartsWith("'''") ? "'''" : _text[_at].ToString();
        _at += quote.Length;
        var text = new StringBuilder();
        while (true)
        {
            if (_at >= _text.Length || (quote.Length == 1 && _text[_at] is '\n' or '\r'))
            {
                throw new CelSyntaxException(_at, "Syntax error: a text is not closed");
            }

            if (string.CompareOrdinal(_text, _at, quote, 0, quote.Length) == 0)
            {
                _at += quote.Length;
                return text.ToString();
            }

            if (_text[_at] == '\\' && !raw)
            {
                Escape(text);
            }
            else
            {
                text.Append(_text[_at++]);
            }
        }
    }

    private void Escape(StringBuilder text)
    {
        var next = At(1);
        _at += 2;
        switch (next)
        {
            case 'a':
                text.Append('\a');
                break;
            case 'b':
                text.Append('\b');
                break;
            case 'f':
                text.Append('\f');
                break;
            case 'n':
                text.Append('\n');
                break;
            case 'r':
                text.Append('\r');
                break;
            case 't':
                text.Append('\t');
                break;
            case 'v':
                text.Append('\v');
                break;
            case '\\' or '\'' or '"' or '`' or '?':
                text.Append(next);
                break;
            case 'x' or 'X':
                text.Append(Code(2, NumberStyles.AllowHexSpecifier));
                break;
            case 'u':
                text.Append(Code(4, NumberStyles.AllowHexSpecifier));
                break;
            case 'U':
                text.Append(Code(8, NumberStyles.AllowHexSpecifier));
                break;
            default:
                throw new CelSyntaxException(_at - 2, $"Syntax error: invalid escape \\{next}");
        }
    }

    private string Code(int length, NumberStyles style)
    {
        if (_at + length <= _text.Length
            && int.TryParse(_text.AsSpan(_at, length), style, CultureInfo.InvariantCulture, out var code) && Rune.IsValid(code))
        {
            _at += length;
            return new Rune(code).ToString();
        }

        throw new CelSyntaxException(_at, "Syntax error: invalid character code");
    }

    private int Place()
    {
        Skip();
        return _at;
    }

    private char Peek()
    {
        Skip();
        return At(0);
    }

    private char At(int offset) => _at + offset < _text.Length ? _text[_at + offset] : '\0';

    private void Skip()
    {
        while (_at < _text.Length)
        {
            if (char.IsWhiteSpace(_text[_at]))
            {
                _at++;
            }
            else if (At(0) == '/' && At(1) == '/')
            {
                while (_at < _text.Length && _text[_at] != '\n')
                {
                    _at++;
                }
            }
            else
            {
                return;
            }
        }
    }

    private bool Take(string sign)
    {
        Skip();
        if (string.CompareOrdinal(_text, _at, sign, 0, sign.Length) != 0)
        {
            return false;
        }

        _at += sign.Length;
        return true;
    }

    private bool TakeWord(string word)
    {
        Skip();
        if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0 || char.IsAsciiLetterOrDigit(At(word.Length)) || At(word.Length) == '_')
        {
            return false;
        }

        _at += word.Length;
        return true;
    }

    private void Expect(string sign)
    {
        if (!Take(sign))
        {
            throw Unexpected();
        }
    }

    private CelSyntaxException Unexpected() => new(_at, _at < _text.Length
        ? $"Syntax error: unexpected '{_text[_at]}'"
        : "Syntax error: mismatched input '<EOF>'");
}
