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
                        $"{field}.{name}", text, Format);
                    break;
                case < 0:
                    errors.Invalid($"{field}.{name}", text, "must be greater than or equal to 0");
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
