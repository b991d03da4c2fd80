using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>
/// Patterns in RE2's language, as Kubernetes reads them, on .NET's engine that does not backtrack: its time grows with the
/// text alone, so no pattern can stall the server. What both write differently is translated; what RE2 does not have is refused.
/// </summary>
internal static class Re2Pattern
{
    private const int LongestPattern = 32 * 1024;
    private const int MostRepeats = 1000;

    // the engine's time is linear; this is for a text of megabytes against a large pattern
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

    /// <exception cref="FormatException">The pattern is not one that RE2 takes; the message says why.</exception>
    public static Regex Compile(string pattern)
    {
        if (pattern.Length > LongestPattern)
        {
            throw new FormatException($"the pattern is longer than {LongestPattern} characters");
        }

        try
        {
            return new Regex(Translate(pattern), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, s_longest);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new FormatException($"error parsing regexp: {e.Message}", e);
        }
    }

    private static string Translate(string pattern)
    {
        var output = new StringBuilder(pattern.Length + 16);
        var multiline = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    i = Escape(pattern, i, output, inClass: false);
                    break;
                case '[':
                    i = Class(pattern, i, output);
                    break;
                case '(' when At(pattern, i + 1) == '?':
                    i = Group(pattern, i, output, ref multiline);
                    break;
                case '{':
                    CheckRepeat(pattern, i);
                    output.Append('{');
                    break;
                case '$' when !multiline:
                    // .NET's $ would match before a last line feed too
                    output.Append(@"\z");
                    break;
                default:
                    output.Append(pattern[i]);
                    break;
            }
        }

        return output.ToString();
    }

    /// <summary>Groups and flags: (?P&lt;name&gt;…) is (?&lt;name&gt;…); flags are i, m, s; everything else is not RE2's.</summary>
    private static int Group(string pattern, int at, StringBuilder output, ref bool multiline)
    {
        var rest = pattern.AsSpan(at + 2);
        if (rest.StartsWith("P<") || (rest.StartsWith("<") && At(pattern, at + 3) is not ('=' or '!')))
        {
            output.Append("(?<");
            return at + (rest[0] == 'P' ? 3 : 2);
        }

        var end = rest.IndexOfAny(':', ')');
        if (end < 0 || rest[..end].ContainsAnyExcept("imsU-"))
        {
            throw new FormatException($"error parsing regexp: invalid or unsupported Perl syntax: `(?{(rest.Length > 0 ? rest[..1] : rest)}`");
        }

        if (rest[..end].Contains('U'))
        {
            throw new FormatException("error parsing regexp: the flag U is not supported by this server");
        }

        var minus = rest[..end].IndexOf('-');
        multiline |= (minus < 0 ? rest[..end] : rest[..minus]).Contains('m');
        output.Append("(?").Append(rest[..(end + 1)]);
        return at + 2 + end;
    }

    private static void CheckRepeat(string pattern, int at)
    {
        var end = pattern.IndexOf('}', at);
        if (end < 0)
        {
            return;
        }

        foreach (var part in pattern[(at + 1)..end].Split(','))
        {
            if (part.Length > 0 && part.All(char.IsAsciiDigit)
                && (part.Length > 4 || int.Parse(part, CultureInfo.InvariantCulture) > MostRepeats))
            {
                throw new FormatException($"error parsing regexp: invalid repeat count: `{pattern[at..(end + 1)]}`");
            }
        }
    }

    private static int Escape(string pattern, int at, StringBuilder output, bool inClass)
    {
        var next = At(pattern, at + 1);
        switch (next)
        {
            case '\0':
                throw new FormatException("error parsing regexp: trailing backslash at end of expression: ``");
            case 'd' or 'w' or 's':
                // ASCII only, other than .NET's
                output.Append(inClass ? Ascii(next) : $"[{Ascii(next)}]");
                return at + 1;
            case 'D' or 'W' or 'S':
                output.Append(inClass
                    ? throw new FormatException($"error parsing regexp: `\\{next}` within a character class is not supported by this server")
                    : $"[^{Ascii(char.ToLowerInvariant(next))}]");
                return at + 1;
            case 'A' or 'z' or 'b' or 'B' or 'a' or 'f' or 'n' or 'r' or 't' or 'v' when !inClass || next is not ('A' or 'z' or 'b' or 'B'):
                output.Append('\\').Append(next);
                return at + 1;
            case 'p' or 'P':
                return Category(pattern, at, output);
            case 'x':
                return Hexadecimal(pattern, at, output);
            case 'Q' when !inClass:
                return Literal(pattern, at, output);
            default:
                if (char.IsAsciiLetterOrDigit(next))
                {
                    throw new FormatException($"error parsing regexp: invalid escape sequence: `\\{next}`");
                }

                output.Append('\\').Append(next);
                return at + 1;
        }
    }

    private static string Ascii(char letter) => letter switch
    {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        _ => @"\t\n\f\r ",
    };

    private static int Category(string pattern, int at, StringBuilder output)
    {
        if (At(pattern, at + 2) != '{')
        {
            output.Append('\\').Append(At(pattern, at + 1)).Append('{').Append(At(pattern, at + 2)).Append('}');
            return at + 2;
        }

        var end = pattern.IndexOf('}', at);
        if (end < 0)
        {
            throw new FormatException($"error parsing regexp: invalid character class range: `{pattern[at..]}`");
        }

        output.Append(pattern.AsSpan(at, end + 1 - at));
        return end;
    }

    private static int Hexadecimal(string pattern, int at, StringBuilder output)
    {
        var braced = At(pattern, at + 2) == '{';
        var end = braced ? pattern.IndexOf('}', at) : at + 4;
        var digits = end < 0 || end > pattern.Length ? "" : pattern[(at + (braced ? 3 : 2))..end];
        if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || code > 0xFFFF)
        {
            throw new FormatException(code > 0xFFFF
                ? "error parsing regexp: characters above U+FFFF are not supported by this server"
                : $"error parsing regexp: invalid escape sequence: `{pattern[at..Math.Min(pattern.Length, at + 4)]}`");
        }

        output.Append(CultureInfo.InvariantCulture, $"\\u{code:X4}");
        return braced ? end : end - 1;
    }

    private static int Literal(string pattern, int at, StringBuilder output)
    {
        var end = pattern.IndexOf(@"\E", at, StringComparison.Ordinal);
        output.Append(Regex.Escape(pattern[(at + 2)..(end < 0 ? pattern.Length : end)]));
        return end < 0 ? pattern.Length - 1 : end + 1;
    }

    /// <summary>A bracketed class: its escapes and POSIX names; a bracket within is a plain character, unlike .NET's subtraction.</summary>
    private static int Class(string pattern, int at, StringBuilder output)
    {
        output.Append('[');
        var i = at + 1;
        if (At(pattern, i) == '^')
        {
            output.Append('^');
            i++;
        }

        for (var first = true; ; first = false, i++)
        {
            switch (At(pattern, i))
            {
                case '\0' when i >= pattern.Length:
                    throw new FormatException($"error parsing regexp: missing closing ]: `{pattern[at..]}`");
                case ']' when !first:
                    output.Append(']');
                    return i;
                case ']':
                    output.Append(@"\]");
                    break;
                case '[' when At(pattern, i + 1) == ':':
                    i = Posix(pattern, i, output);
                    break;
                case '[':
                    output.Append(@"\[");
                    break;
                case '\\':
                    i = Escape(pattern, i, output, inClass: true);
                    break;
                default:
                    output.Append(pattern[i]);
                    break;
            }
        }
    }

    private static int Posix(string pattern, int at, StringBuilder output)
    {
        var end = pattern.IndexOf(":]", at, StringComparison.Ordinal);
        var name = end < 0 ? "" : pattern[(at + 2)..end];
        output.Append(name switch
        {
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "ascii" => @"\x00-\x7F",
            "blank" => @"\t ",
            "cntrl" => @"\x00-\x1F\x7F",
            "digit" => "0-9",
            "graph" => "!-~",
            "lower" => "a-z",
            "print" => " -~",
            "punct" => @"!-/:-@\[-`{-~",
            "space" => @"\t\n\v\f\r ",
            "upper" => "A-Z",
            "word" => "0-9A-Za-z_",
            "xdigit" => "0-9A-Fa-f",
            _ => throw new FormatException($"error parsing regexp: invalid character class range: `{pattern[at..]}`"),
        });
        return end + 1;
    }

    private static char At(string text, int index) => index < text.Length ? text[index] : '\0';
}
