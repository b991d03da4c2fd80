using System.Globalization;

namespace EdgeSync.Protocol.Configuration;

/// <summary>Durations as Go and Kubernetes write them: <c>24h</c>, <c>1m30s</c>, <c>500ms</c>.</summary>
public static class GoDuration
{
    private static readonly (string Unit, double Milliseconds)[] s_units =
        [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];

    private static readonly System.Buffers.SearchValues<char> s_digits = System.Buffers.SearchValues.Create("0123456789.");

    /// <summary>Durations from zero to about 290 years; false for everything else.</summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        var rest = (text ?? "").AsSpan().Trim();
        var total = 0.0;
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(s_digits);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount))
            {
                return false;
            }

            rest = rest[digits..];
            var found = false;
            foreach (var (unit, milliseconds) in s_units)
            {
                if (rest.StartsWith(unit, StringComparison.Ordinal))
                {
                    total += amount * milliseconds;
                    rest = rest[unit.Length..];
                    found = true;
                    break;
                }
            }

            if (!found)
            {
                return false;
            }
        }

        if (total > 9.2e12)
        {
            return false;
        }

        duration = TimeSpan.FromMilliseconds(total);
        return true;
    }

    /// <summary>In the largest unit that leaves no rest: <c>24h</c>, <c>90s</c>, <c>1500ms</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        var milliseconds = (long)duration.TotalMilliseconds;
        var (unit, divisor) = milliseconds switch
        {
            0 => ("s", 1000),
            _ when milliseconds % 3_600_000 == 0 => ("h", 3_600_000),
            _ when milliseconds % 60_000 == 0 => ("m", 60_000),
            _ when milliseconds % 1000 == 0 => ("s", 1000),
            _ => ("ms", 1),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{milliseconds / divisor}{unit}");
    }
}
