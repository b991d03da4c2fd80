using System.Globalization;
using Microsoft.Extensions.Logging;

namespace EdgeSync.TestKit;

/// <summary>Writes all log lines to a file, for the message of a test that fails.</summary>
public sealed class FileLoggerProvider(string path) : ILoggerProvider
{
    private readonly StreamWriter _file = new(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };

    public ILogger CreateLogger(string categoryName) => new FileLogger(_file, categoryName);

    public void Dispose() => _file.Dispose();

    private sealed class FileLogger(StreamWriter file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var time = DateTime.UtcNow.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
            lock (file)
            {
                file.WriteLine($"{time} {logLevel} {category}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
