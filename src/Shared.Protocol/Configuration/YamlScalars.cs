using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EdgeSync.Protocol.Configuration;

/// <summary>What a YAML text without quotation marks stands for: nothing, a truth, a number, or itself.</summary>
internal sealed class YamlScalars
{
    private const string TextTag = "tag:yaml.org,2002:str";

    /// <summary>YAML 1.2's core types, for configuration: <c>no</c> is a text, <c>010</c> is ten.</summary>
    public static readonly YamlScalars Core = new(isKubernetes: false);

    /// <summary>
    /// As kubectl and kube-apiserver read manifests, which is YAML 1.1 in part: <c>y</c>, <c>no</c> and <c>on</c> are truths,
    /// <c>0644</c> is octal, <c>1_000</c> is a thousand, and <c>&lt;&lt;</c> merges maps.
    /// </summary>
    public static readonly YamlScalars Kubernetes = new(isKubernetes: true);

    private readonly bool _isKubernetes;

    private YamlScalars(bool isKubernetes) => _isKubernetes = isKubernetes;

    /// <summary>Whether the key <c>&lt;&lt;</c> merges maps.</summary>
    public bool Merges => _isKubernetes;

    /// <summary>The value.</summary>
    /// <exception cref="FormatException">It is a number that JSON does not have.</exception>
    public JsonValue? Read(Scalar scalar) =>
        scalar.Style is ScalarStyle.Plain or ScalarStyle.Any && (scalar.Tag.IsEmpty || scalar.Tag.Value != TextTag)
            ? Plain(scalar.Value, scalar.Start.Line)
            : JsonValue.Create(scalar.Value);

    /// <summary>The name of a map's member: JSON has texts only, so what stands for something else is written out.</summary>
    public string Key(Scalar scalar) =>
        _isKubernetes && Read(scalar) is { } value && value.GetValueKind() is not System.Text.Json.JsonValueKind.String
            ? value.ToJsonString()
            : scalar.Value;

    private JsonValue? Plain(string text, long line)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
            case "y" or "Y" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" when _isKubernetes:
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE":
            case "n" or "N" or "no" or "No" or "NO" or "off" or "Off" or "OFF" when _isKubernetes:
                return JsonValue.Create(false);
            case ".nan" or ".NaN" or ".NAN" or ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF" or "-.inf" or "-.Inf" or "-.INF" when _isKubernetes:
                throw new FormatException($"not valid JSON: the number {text} at line {line} has no form there");
        }

        return (LooksLikeNumber(text) ? _isKubernetes ? KubernetesNumber(text) : CoreNumber(text) : null) ?? JsonValue.Create(text);
    }

    private static bool LooksLikeNumber(string text)
    {
        var first = text[0] is '-' or '+' && text.Length > 1 ? text[1] : text[0];
        return char.IsAsciiDigit(first) || (first == '.' && text.Length > 1);
    }

    private static JsonValue? CoreNumber(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            return JsonValue.Create(whole);
        }

        var prefix = text.Length > 2 ? text[..2] : "";
        return prefix is "0x" or "0o" ? Whole(text) : Real(text) is { } real ? JsonValue.Create(real) : null;
    }

    private static JsonValue? KubernetesNumber(string text)
    {
        var plain = text.Replace("_", "", StringComparison.Ordinal);
        if (Whole(plain) is { } whole)
        {
            return whole;
        }

        // Go writes a number without a fraction as a whole one
        return Real(plain) is { } real
            ? Math.Abs(real) < 1e15 && Math.Floor(real) == real ? JsonValue.Create((long)real) : JsonValue.Create(real)
            : null;
    }

    /// <summary>A whole number of base 10, or by its beginning of 16, 8 or 2; null where it is none that fits into 64 bits.</summary>
    private static JsonValue? Whole(string text)
    {
        var negative = text[0] == '-';
        var digits = text[0] is '-' or '+' ? text[1..] : text;
        var (radix, start) = digits switch
        {
            ['0', 'x' or 'X', _, ..] => (16, 2),
            ['0', 'b' or 'B', _, ..] => (2, 2),
            ['0', 'o' or 'O', _, ..] => (8, 2),
            ['0', _, ..] => (8, 1),
            _ => (10, 0),
        };
        var amount = 0UL;
        foreach (var c in digits.AsSpan(start))
        {
            var digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix || amount > (ulong.MaxValue - (ulong)digit) / (ulong)radix)
            {
                return null;
            }

            amount = (amount * (ulong)radix) + (ulong)digit;
        }

        return digits.Length == start || (negative && amount > long.MaxValue) ? null
            : negative ? JsonValue.Create(-(long)amount)
            : amount <= long.MaxValue ? JsonValue.Create((long)amount)
            : JsonValue.Create(amount);
    }

    private static double? Real(string text) =>
        double.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var real)
        && double.IsFinite(real) ? real : null;
}
