using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace EdgeSync.Hosting;

/// <summary>How both programs log: one line an entry on standard output, UTC times, no colours.</summary>
public static class ConsoleLog
{
    /// <summary>The environment variable that sets the least level (Trace, Debug, Information, Warning, Error).</summary>
    public const string LevelVariable = "EDGESYNC_LOG_LEVEL";

    public static void Configure(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            o.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.SetMinimumLevel(
            Enum.TryParse<LogLevel>(Environment.GetEnvironmentVariable(LevelVariable), ignoreCase: true, out var level)
                ? level
                : LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);

        // a start that failed (a port is taken) is told in the command's one line; a service that failed is told at Critical too
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => level is >= LogLevel.Warning and < LogLevel.Critical);
    }
}
