using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.WebUtilities;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>What of a log is wanted: PodLogOptions as they stand in a query.</summary>
internal sealed record LogOptions
{
    public bool Follow { get; init; }

    public bool Previous { get; init; }

    public bool Timestamps { get; init; }

    /// <summary>The last so many lines; null for all.</summary>
    public long? TailLines { get; init; }

    /// <summary>No more bytes than this; null for all.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>Nothing older.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <exception cref="KubeletException">400: a value that is none.</exception>
    public static LogOptions Parse(string query, DateTimeOffset now)
    {
        var values = QueryHelpers.ParseQuery(query);
        var seconds = Number(values, "sinceSeconds", 1);
        return new LogOptions
        {
            Follow = Flag(values, "follow"),
            Previous = Flag(values, "previous"),
            Timestamps = Flag(values, "timestamps"),
            TailLines = Number(values, "tailLines", 0) ?? TailOfOld(values),
            LimitBytes = Number(values, "limitBytes", 1),
            Since = seconds is { } age ? now - TimeSpan.FromSeconds(Math.Min(age, 1e9)) : Moment(values, "sinceTime"),
        };
    }

    private static bool Flag(Dictionary<string, Microsoft.Extensions.Primitives.StringValues> values, string name) =>
        values.TryGetValue(name, out var text) && text.ToString() is "true" or "1";

    /// <summary>The kubelet's own word, with "all" for all.</summary>
    private static long? TailOfOld(Dictionary<string, Microsoft.Extensions.Primitives.StringValues> values) =>
        values.TryGetValue("tail", out var text) && text != "all" && text.ToString().Length > 0 ? Number(values, "tail", 0) : null;

    private static long? Number(Dictionary<string, Microsoft.Extensions.Primitives.StringValues> values, string name, long least)
    {
        if (!values.TryGetValue(name, out var text) || text.ToString().Length == 0)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new KubeletException(HttpStatusCode.BadRequest, $"{name} must be a number from {least} on, and is \"{text}\"");
    }

    private static DateTimeOffset? Moment(Dictionary<string, Microsoft.Extensions.Primitives.StringValues> values, string name)
    {
        if (!values.TryGetValue(name, out var text) || text.ToString().Length == 0)
        {
            return null;
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment
            : throw new KubeletException(HttpStatusCode.BadRequest, $"{name} must be an RFC 3339 time, and is \"{text}\"");
    }
}
