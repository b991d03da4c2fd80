using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Resource quantities: <c>500m</c>, <c>1Gi</c>, <c>2</c>, <c>1e3</c>.</summary>
internal static partial class QuantityRules
{
    /// <summary>What a quantity must look like, in Kubernetes' words.</summary>
    public const string Format = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

    /// <summary>The least amount of lists of resources: what is asked for in a pod, what a node has.</summary>
    public const decimal Milli = 0.001m;

    private const decimal Nano = 0.000_000_001m;

    // where the list has the suffix of one
    private const int Smallest = 3;

    private static readonly string[] s_suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    private static readonly string[] s_binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

    /// <summary>Every amount readable and not negative, and no request above its limit.</summary>
    public static void Check(JsonObject? resources, string field, FieldErrors errors)
    {
        if (resources is null)
        {
            return;
        }

        var limits = Read(resources.Object("limits"), $"{field}.limits", errors);
        var requests = Read(resources.Object("requests"), $"{field}.requests", errors);
        foreach (var (name, request) in requests)
        {
            if (limits.TryGetValue(name, out var limit) && request > limit)
            {
                errors.Invalid(
                    $"{field}.requests", resources.Object("requests")!.Text(name) ?? "", $"must be less than or equal to {name} limit of {resources.Object("limits")!.Text(name)}");
            }
        }
    }

    /// <summary>The amount; null where the text is no quantity.</summary>
    public static decimal? Parse(string text)
    {
        if (Plain(text) is { } plain)
        {
            return plain;
        }

        if (text.Length > 64 || Pattern().Match(text) is not { Success: true } match)
        {
            return null;
        }

        try
        {
            var number = decimal.Parse(match.Groups[1].Value, NumberStyles.Float, CultureInfo.InvariantCulture);
            var suffix = match.Groups[2].Value;
            var binary = Array.IndexOf(s_binarySuffixes, suffix);
            if (suffix.Length == 2 && binary > 0)
            {
                return number * (decimal)Math.Pow(1024, binary);
            }

            return suffix.Length > 0 && suffix[0] is 'e' or 'E' && suffix.Length > 1
                ? number * Power(10, int.Parse(suffix.AsSpan(1), CultureInfo.InvariantCulture))
                : number * Power(1000, Array.IndexOf(s_suffixes, suffix) - 3);
        }
        catch (OverflowException)
        {
            return decimal.MaxValue;
        }
    }

    /// <summary>
    /// The one form in which Kubernetes writes an amount (resource.Quantity): the largest suffix of its kind that leaves a whole number,
    /// nothing smaller than <paramref name="least"/>, no sign and no zeros that say nothing. A text that is no quantity stays as it is.
    /// </summary>
    public static string Canonical(string text, decimal least = Nano)
    {
        if (IsPlainCanonical(text) || Parse(text) is not { } amount || amount is decimal.MaxValue or decimal.MinValue)
        {
            return text;
        }

        var suffix = text.AsSpan(text.AsSpan().LastIndexOfAnyInRange('0', '9') + 1).Trim('.');
        var isWhole = amount == decimal.Truncate(amount);
        if (isWhole && suffix.EndsWith('i') && Math.Abs(amount) >= 1024)
        {
            var (units, powers) = Shorten(amount, 1024, s_binarySuffixes.Length - 1);
            return string.Create(CultureInfo.InvariantCulture, $"{units}{s_binarySuffixes[powers]}");
        }

        var power = 0;
        amount = isWhole ? amount : Up(amount / least) * least;
        for (; power > -Smallest && amount != decimal.Truncate(amount); power--)
        {
            amount *= 1000;
        }

        if (power == 0)
        {
            (amount, power) = Shorten(amount, 1000, s_suffixes.Length - 1 - Smallest);
        }

        // 1e3 stays one with an exponent; E alone is a suffix
        var hasExponent = text.AsSpan().IndexOfAny('e', 'E') is >= 0 and var at && at < text.Length - 1;
        var end = !hasExponent ? s_suffixes[power + Smallest] : power == 0 ? "" : FormattableString.Invariant($"e{power * 3}");
        return string.Create(CultureInfo.InvariantCulture, $"{decimal.Truncate(amount)}{end}");
    }

    /// <summary>Whether it is digits and one suffix, down to thousandths, in the form that it would get: nearly all are.</summary>
    private static bool IsPlainCanonical(ReadOnlySpan<char> text)
    {
        var digits = text.IndexOfAnyExceptInRange('0', '9') is >= 0 and var end ? end : text.Length;
        if (digits is 0 or > 15 || text[0] == '0')
        {
            return text is "0";
        }

        var number = long.Parse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
        return text[digits..] switch
        {
            "" or "m" or "k" or "M" or "G" or "T" or "P" => number % 1000 != 0,
            "Ki" or "Mi" or "Gi" or "Ti" or "Pi" => number % 1024 != 0,
            _ => false,
        };
    }

    private static (decimal Amount, int Powers) Shorten(decimal amount, int step, int most)
    {
        var powers = 0;
        for (; powers < most && amount != 0 && amount % step == 0; powers++)
        {
            amount /= step;
        }

        return (decimal.Truncate(amount), powers);
    }

    /// <summary>Away from zero: who asks for a part gets the whole.</summary>
    private static decimal Up(decimal amount) => amount < 0 ? decimal.Floor(amount) : decimal.Ceiling(amount);

    // whole digits with a suffix: nearly all that are written
    private static decimal? Plain(string text)
    {
        const int mostDigits = 15;
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        digits = digits < 0 ? text.Length : digits;
        if (digits is 0 or > mostDigits)
        {
            return null;
        }

        var number = (decimal)long.Parse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture);
        return text.AsSpan(digits) switch
        {
            "" => number,
            "m" => number / 1000,
            "k" => number * 1000,
            "Ki" => number * 1024,
            "M" => number * 1000_000,
            "Mi" => number * (1 << 20),
            "G" => number * 1000_000_000,
            "Gi" => number * (1 << 30),
            _ => null,
        };
    }

    private static Dictionary<string, decimal> Read(JsonObject? amounts, string field, FieldErrors errors)
    {
        var result = new Dictionary<string, decimal>();
        foreach (var (name, value) in amounts ?? [])
        {
            var text = value.AsText() ?? "";
            switch (Parse(text))
            {
                case null:
                    errors.Invalid(
                        $"{field}[{name}]", text, Format);
                    break;
                case < 0:
                    errors.Invalid($"{field}[{name}]", text, "must be greater than or equal to 0");
                    break;
                case { } amount:
                    result[name] = amount;
                    break;
            }
        }

        return result;
    }

    private static decimal Power(int number, int exponent)
    {
        if (Math.Abs(exponent) > 28)
        {
            throw new OverflowException();
        }

        var result = 1m;
        for (var i = 0; i < Math.Abs(exponent); i++)
        {
            result *= number;
        }

        return exponent < 0 ? 1 / result : result;
    }

    [GeneratedRegex("^([+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+))((?:[KMGTPE]i|[numkMGTPE])?|[eE][-+]?[0-9]{1,3})\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
