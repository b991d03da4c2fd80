using System.Globalization;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>Times for people.</summary>
internal static class Ago
{
    /// <summary>A duration in its two largest units: <c>3 h 12 m</c>, <c>45 s</c>, <c>0.3 s</c>.</summary>
    public static string Text(TimeSpan duration)
    {
        duration = duration < TimeSpan.Zero ? TimeSpan.Zero : duration;
        return duration switch
        {
            { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.#} s"),
            { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)duration.TotalSeconds} s"),
            { TotalHours: < 1 } => $"{duration.Minutes} m {duration.Seconds} s",
            { TotalDays: < 1 } => $"{duration.Hours} h {duration.Minutes} m",
            _ => $"{duration.Days} d {duration.Hours} h",
        };
    }

    /// <summary>As kubectl writes ages in a column: <c>3h12m</c>.</summary>
    public static string Column(TimeSpan duration) => Text(duration).Replace(" ", "", StringComparison.Ordinal);
}
