using System.Globalization;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>
/// The schedule of a cron job: five fields (minute, hour, day of month, month, day of week) or a word such as <c>@daily</c>,
/// with ranges, lists, steps and names. What is wrong is said in the words of the parser that Kubernetes uses.
/// </summary>
internal static class CronSchedule
{
    private static readonly string[] s_months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    private static readonly string[] s_days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private static readonly (int First, int Last, string[]? Names, int NamesFrom)[] s_fields =
        [(0, 59, null, 0), (0, 23, null, 0), (1, 31, null, 0), (1, 12, s_months, 1), (0, 6, s_days, 0)];

    /// <summary>What is wrong with the schedule; null where nothing is.</summary>
    public static string? Check(string schedule)
    {
        var text = schedule;
        if (text.StartsWith("TZ=", StringComparison.Ordinal) || text.StartsWith("CRON_TZ=", StringComparison.Ordinal))
        {
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            var name = space < 0 ? "" : text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..space];
            if (name.Length == 0 || !TimeZoneInfo.TryFindSystemTimeZoneById(name, out _))
            {
                return $"provided bad location {name}: unknown time zone {name}";
            }

            text = text[space..].Trim();
        }

        return text.StartsWith('@') ? CheckWord(text) : CheckFields(text);
    }

    private static string? CheckWord(string word)
    {
        const string every = "@every ";
        return word switch
        {
            "@yearly" or "@annually" or "@monthly" or "@weekly" or "@daily" or "@midnight" or "@hourly" => null,
            _ when word.StartsWith(every, StringComparison.Ordinal) =>
                IsDuration(word[every.Length..]) ? null : $"failed to parse duration {word}: time: invalid duration \"{word[every.Length..]}\"",
            _ => $"unrecognized descriptor: {word}",
        };
    }

    private static string? CheckFields(string text)
    {
        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != s_fields.Length)
        {
            return string.Create(CultureInfo.InvariantCulture, $"expected exactly 5 fields, found {fields.Length}: [{string.Join(' ', fields)}]");
        }

        for (var i = 0; i < fields.Length; i++)
        {
            foreach (var part in fields[i].Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                if (CheckRange(part, i) is { } why)
                {
                    return why;
                }
            }
        }

        return null;
    }

    /// <summary>One of <c>*</c>, <c>n</c>, <c>n-m</c>, each with an optional <c>/step</c>.</summary>
    private static string? CheckRange(string part, int field)
    {
        var (first, last, _, _) = s_fields[field];
        var stepped = part.Split('/');
        var bounds = stepped[0].Split('-');
        int from, to;
        if (stepped[0] is "*" or "?")
        {
            (from, to) = (first, last);
        }
        else
        {
            if (Read(bounds[0], field, out from) is { } wrong)
            {
                return wrong;
            }

            to = from;
            if (bounds.Length == 2 && Read(bounds[1], field, out to) is { } wrongEnd)
            {
                return wrongEnd;
            }

            if (bounds.Length > 2)
            {
                return $"too many hyphens: {part}";
            }
        }

        var step = 1;
        if (stepped.Length == 2)
        {
            if (!int.TryParse(stepped[1], NumberStyles.None, CultureInfo.InvariantCulture, out step))
            {
                return $"failed to parse int from {stepped[1]}: strconv.Atoi: parsing \"{stepped[1]}\": invalid syntax";
            }

            // n/step goes on to the end
            to = bounds.Length == 1 && stepped[0] is not ("*" or "?") ? last : to;
        }

        return stepped.Length > 2 ? $"too many slashes: {part}"
            : from < first ? Say($"beginning of range ({from}) below minimum ({first}): {part}")
            : to > last ? Say($"end of range ({to}) above maximum ({last}): {part}")
            : from > to ? Say($"beginning of range ({from}) beyond end of range ({to}): {part}")
            : step == 0 ? $"step of range should be a positive number: {part}" : null;
    }

    private static string? Read(string text, int field, out int number)
    {
        var (_, _, names, from) = s_fields[field];
        var index = names is null ? -1 : Array.IndexOf(names, text.ToLowerInvariant());
        if (index >= 0)
        {
            number = index + from;
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
            ? null
            : $"failed to parse int from {text}: strconv.Atoi: parsing \"{text}\": invalid syntax";
    }

    private static bool IsDuration(string text)
    {
        var at = 0;
        while (at < text.Length)
        {
            var start = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.'))
            {
                at++;
            }

            var digits = at - start;
            start = at;
            while (at < text.Length && !char.IsAsciiDigit(text[at]) && text[at] != '.')
            {
                at++;
            }

            if (digits == 0 || text[start..at] is not ("ns" or "us" or "µs" or "ms" or "s" or "m" or "h"))
            {
                return false;
            }
        }

        return text.Length > 0;
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
