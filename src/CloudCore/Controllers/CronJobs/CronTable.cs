using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.CronJobs;

/// <summary>
/// When a schedule is due: five fields (minute, hour, day of month, month, day of week) or a word such as <c>@daily</c> or
/// <c>@every 1h30m</c>, in a time zone. A time that a change of the clock leaves out is left out; one that comes twice is due twice. Days of
/// month and of week that are both restricted count if either fits.
/// </summary>
internal sealed class CronTable
{
    // as the parser that Kubernetes uses: a schedule that does not come in five years never comes
    private const int MostDays = 366 * 5;

    private static readonly string[] s_months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    private static readonly string[] s_weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private readonly TimeZoneInfo _zone;
    private readonly TimeSpan? _every;
    private readonly ulong _minutes;
    private readonly ulong _hours;
    private readonly ulong _days;
    private readonly ulong _months;
    private readonly ulong _weekdays;
    private readonly bool _anyDay;

    private CronTable(TimeZoneInfo zone, TimeSpan every)
    {
        _zone = zone;
        _every = every;
    }

    private CronTable(TimeZoneInfo zone, string[] fields)
    {
        _zone = zone;
        (_minutes, _) = Read(fields[0], 0, 59, null);
        (_hours, _) = Read(fields[1], 0, 23, null);
        (_days, var allDays) = Read(fields[2], 1, 31, null);
        (_months, _) = Read(fields[3], 1, 12, s_months);
        (_weekdays, var allWeekdays) = Read(fields[4], 0, 6, s_weekdays);
        _anyDay = allDays || allWeekdays;
    }

    /// <summary>Reads a schedule that the API has taken.</summary>
    /// <param name="schedule">The text; a zone before it (<c>TZ=…</c>) goes before <paramref name="zone"/>.</param>
    /// <param name="zone">The zone in which it is meant.</param>
    /// <exception cref="FormatException">The text is no schedule.</exception>
    public static CronTable Parse(string schedule, TimeZoneInfo zone)
    {
        var text = schedule.Trim();
        if (EmbeddedApi.Validation.CronSchedule.Check(text) is { } why)
        {
            throw new FormatException(why);
        }

        if (text.StartsWith("TZ=", StringComparison.Ordinal) || text.StartsWith("CRON_TZ=", StringComparison.Ordinal))
        {
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            zone = TimeZoneInfo.FindSystemTimeZoneById(text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..space]);
            text = text[space..].Trim();
        }

        const string every = "@every ";
        if (text.StartsWith(every, StringComparison.Ordinal))
        {
            var period = Duration(text[every.Length..]);
            return new CronTable(zone, period < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(Math.Floor(period.TotalSeconds)));
        }

        text = text switch
        {
            "@yearly" or "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" or "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => text,
        };
        return new CronTable(zone, text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>The first time after <paramref name="time"/>; null where none comes.</summary>
    public DateTimeOffset? Next(DateTimeOffset time)
    {
        if (_every is { } period)
        {
            var next = time + period;
            return new DateTimeOffset(next.Ticks - (next.Ticks % TimeSpan.TicksPerSecond), next.Offset).ToUniversalTime();
        }

        var day = TimeZoneInfo.ConvertTime(time, _zone).Date;
        for (var i = 0; i < MostDays; i++, day = day.AddDays(1))
        {
            if (FitsDay(day) && FirstOn(day, time) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private bool FitsDay(DateTime day)
    {
        if (!Has(_months, day.Month))
        {
            return false;
        }

        var (ofMonth, ofWeek) = (Has(_days, day.Day), Has(_weekdays, (int)day.DayOfWeek));
        return _anyDay ? ofMonth && ofWeek : ofMonth || ofWeek;
    }

    private DateTimeOffset? FirstOn(DateTime day, DateTimeOffset after)
    {
        DateTimeOffset? first = null;
        for (var hour = 0; hour < 24; hour++)
        {
            for (var minute = 0; Has(_hours, hour) && minute < 60; minute++)
            {
                if (!Has(_minutes, minute))
                {
                    continue;
                }

                foreach (var instant in Instants(day.AddHours(hour).AddMinutes(minute)))
                {
                    if (instant > after && (first is null || instant < first))
                    {
                        first = instant;
                    }
                }
            }
        }

        return first;
    }

    private IEnumerable<DateTimeOffset> Instants(DateTime local)
    {
        var wall = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        if (_zone.IsInvalidTime(wall))
        {
            return [];
        }

        return _zone.IsAmbiguousTime(wall)
            ? _zone.GetAmbiguousTimeOffsets(wall).Select(offset => new DateTimeOffset(wall, offset).ToUniversalTime())
            : [new DateTimeOffset(wall, _zone.GetUtcOffset(wall)).ToUniversalTime()];
    }

    private static bool Has(ulong set, int value) => (set & (1UL << value)) != 0;

    // the values, and whether the field says "any"
    private static (ulong Set, bool IsAny) Read(string field, int first, int last, string[]? names)
    {
        var set = 0UL;
        var any = false;
        foreach (var part in field.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var stepped = part.Split('/');
            var bounds = stepped[0].Split('-');
            var star = stepped[0] is "*" or "?";
            var step = stepped.Length == 2 ? int.Parse(stepped[1], CultureInfo.InvariantCulture) : 1;
            var from = star ? first : Number(bounds[0], first, names);
            var to = star || (bounds.Length == 1 && stepped.Length == 2) ? last : Number(bounds[^1], first, names);
            any |= star && step == 1;
            for (var value = from; value <= to; value += step)
            {
                set |= 1UL << value;
            }
        }

        return (set, any);
    }

    private static int Number(string text, int first, string[]? names)
    {
        var index = names is null ? -1 : Array.IndexOf(names, text.ToLowerInvariant());
        return index >= 0 ? index + first : int.Parse(text, CultureInfo.InvariantCulture);
    }

    // Go's form: 1h30m, 90s, 1.5h
    private static TimeSpan Duration(string text)
    {
        var sum = TimeSpan.Zero;
        var at = 0;
        while (at < text.Length)
        {
            var start = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.'))
            {
                at++;
            }

            var number = double.Parse(text.AsSpan(start, at - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
            start = at;
            while (at < text.Length && !char.IsAsciiDigit(text[at]) && text[at] != '.')
            {
                at++;
            }

            sum += text[start..at] switch
            {
                "h" => TimeSpan.FromHours(number),
                "m" => TimeSpan.FromMinutes(number),
                "s" => TimeSpan.FromSeconds(number),
                "ms" => TimeSpan.FromMilliseconds(number),
                "us" or "µs" => TimeSpan.FromMicroseconds(number),
                _ => TimeSpan.FromMicroseconds(number / 1000),
            };
        }

        return sum;
    }
}
