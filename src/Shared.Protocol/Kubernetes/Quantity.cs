using System.Globalization;
using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>
/// A Kubernetes resource quantity: <c>250m</c>, <c>1.5Gi</c>, <c>2e3</c>, <c>100</c>. Holds what fits a decimal
/// (28 digits); what is smaller than a nano is rounded up, as Kubernetes does.
/// </summary>
public readonly record struct Quantity : IComparable<Quantity>
{
    private static readonly (string Suffix, decimal Factor)[] s_suffixes =
    [
        ("Ki", 1024m),
        ("Mi", 1024m * 1024),
        ("Gi", 1024m * 1024 * 1024),
        ("Ti", 1024m * 1024 * 1024 * 1024),
        ("Pi", 1024m * 1024 * 1024 * 1024 * 1024),
        ("Ei", 1024m * 1024 * 1024 * 1024 * 1024 * 1024),
        ("n", 1e-9m),
        ("u", 1e-6m),
        ("m", 1e-3m),
        ("k", 1e3m),
        ("M", 1e6m),
        ("G", 1e9m),
        ("T", 1e12m),
        ("P", 1e15m),
        ("E", 1e18m),
    ];

    private Quantity(decimal value) => Value = value;

    public static Quantity Zero => default;

    public static Quantity One => new(1);

    /// <summary>In whole units: cores, bytes, pieces.</summary>
    public decimal Value { get; }

    /// <summary>Rounded up to whole units, as Kubernetes' Value(); at most <see cref="long.MaxValue"/>.</summary>
    public long Whole => Clamp(decimal.Ceiling(Value));

    /// <summary>Thousandths, rounded up, as Kubernetes' MilliValue().</summary>
    public long Milli => Value > long.MaxValue / 1000 ? long.MaxValue : Clamp(decimal.Ceiling(Value * 1000));

    public static bool operator <(Quantity left, Quantity right) => left.Value < right.Value;

    public static bool operator >(Quantity left, Quantity right) => left.Value > right.Value;

    public static bool operator <=(Quantity left, Quantity right) => left.Value <= right.Value;

    public static bool operator >=(Quantity left, Quantity right) => left.Value >= right.Value;

    public static Quantity operator +(Quantity left, Quantity right) => new(left.Value + right.Value);

    public static Quantity FromWhole(long value) => new(value);

    /// <summary>Reads the text form; false where it is not a quantity.</summary>
    public static bool TryParse(string? text, out Quantity quantity)
    {
        quantity = default;
        if (string.IsNullOrEmpty(text) || text.Length > 64)
        {
            return false;
        }

        var factor = 1m;
        var number = text.AsSpan();
        foreach (var (suffix, value) in s_suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                factor = value;
                number = number[..^suffix.Length];
                break;
            }
        }

        // an exponent takes the place of a suffix: "1e3" is a quantity, "1e3Ki" is not
        var style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | (factor == 1m ? NumberStyles.AllowExponent : 0);
        if (!decimal.TryParse(number, style, CultureInfo.InvariantCulture, out var parsed))
        {
            return false;
        }

        try
        {
            quantity = new Quantity(RoundUp(parsed * factor));
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    /// <summary>Reads a JSON string or number.</summary>
    public static bool TryRead(JsonElement json, out Quantity quantity)
    {
        quantity = default;
        return json.ValueKind switch
        {
            JsonValueKind.String => TryParse(json.GetString(), out quantity),
            JsonValueKind.Number => TryParse(json.GetRawText(), out quantity),
            _ => false,
        };
    }

    /// <summary>One resource of a list such as <c>resources.limits</c>; null where it is not there or not a quantity.</summary>
    public static Quantity? Find(IReadOnlyDictionary<string, JsonElement>? list, string resource) =>
        list is not null && list.TryGetValue(resource, out var json) && TryRead(json, out var quantity) ? quantity : null;

    public int CompareTo(Quantity other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString("0.#########", CultureInfo.InvariantCulture);

    private static decimal RoundUp(decimal value)
    {
        if (Math.Abs(value) >= 1e15m)
        {
            return value; // no room for nanos beside so many digits, and none needed
        }

        var nanos = value * 1e9m;
        return (value < 0 ? decimal.Floor(nanos) : decimal.Ceiling(nanos)) / 1e9m;
    }

    private static long Clamp(decimal value) => value >= long.MaxValue ? long.MaxValue : value <= long.MinValue ? long.MinValue : (long)value;
}
