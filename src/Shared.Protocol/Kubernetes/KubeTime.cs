using System.Globalization;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>Kubernetes' two time formats, always UTC.</summary>
public static class KubeTime
{
    private const int SecondsEnd = 19;
    private const int ShortestTime = 20;
    private const int ZoneLength = 6;
    private const int MostFraction = 8;
    private static readonly string[] s_utcForms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd'T'HH:mm:ss'Z'"];
    private static readonly string[] s_zonedForms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:sszzz"];

    /// <summary>metav1.Time: RFC 3339 to the second, <c>2026-01-01T00:00:00Z</c>.</summary>
    public static string Format(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>metav1.MicroTime, as leases have it: six fractional digits.</summary>
    public static string FormatMicro(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads either format.</summary>
    public static bool TryParse(string? text, out DateTimeOffset time) =>
        DateTimeOffset.TryParse(
            text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out time);

    /// <summary>Reads RFC 3339 and nothing else: a date, <c>T</c>, a time, with or without fractions, and a zone.</summary>
    public static bool TryParseStrictly(string? text, out DateTimeOffset time)
    {
        time = default;
        if (text is not { Length: >= ShortestTime } || text[10] != 'T')
        {
            return false;
        }

        var zone = text[^1] == 'Z' ? 1 : ZoneLength;
        var fraction = text.Length - SecondsEnd - zone;
        if (fraction is < 0 or 1 || (fraction > 0 && (text[SecondsEnd] != '.' || text.AsSpan(SecondsEnd + 1, fraction - 1).ContainsAnyExceptInRange('0', '9'))))
        {
            return false;
        }

        // nothing here is told more finely than .NET does
        var kept = text.AsSpan(0, SecondsEnd + Math.Min(fraction, MostFraction));
        return DateTimeOffset.TryParseExact(
            string.Concat(kept, text.AsSpan(text.Length - zone)),
            zone == 1 ? s_utcForms : s_zonedForms,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out time);
    }
}
