using System.Collections.Concurrent;
using System.Text;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// What the log says of peers, bounded: of each kind of event and each node the first <see cref="MostLines"/> lines in a minute, then one
/// that says how many more there were. A node that reconnects and misbehaves for ever must not fill a disk, nor hide the others.
/// Every event counts in the metrics. One for each hub; thread-safe.
/// </summary>
internal sealed partial class PeerLog(TimeProvider time, ILogger<PeerLog> logger) : BackgroundService
{
    /// <summary>Lines of one kind about one peer in <see cref="Window"/>.</summary>
    public const int MostLines = 5;

    /// <summary>Kinds and peers that are told apart at a time; names that nobody has checked must not take memory.</summary>
    public const int MostKeys = 4096;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private const string Others = "others";
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    private readonly ILogger _logger = logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Kind, string Peer), Seen> _seen = []; // guarded by _gate
    private readonly Dictionary<string, long> _counts = []; // guarded by _gate

    /// <summary>Events since the start, by kind.</summary>
    public IReadOnlyList<(string Kind, double Count)> Counts
    {
        get
        {
            lock (_gate)
            {
                return [.. _counts.Select(c => (c.Key, (double)c.Value)).OrderBy(c => c.Key, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>
    /// A logger whose messages about a peer (a member <c>Address</c>, else <c>Node</c>) pass here, from Information on. An event's kind is
    /// <paramref name="group"/> and the name of its method: <c>LogRefused</c> is <c>connection_refused</c>.
    /// </summary>
    public ILogger<T> Limit<T>(ILogger<T> inner, string group) => new Limited<T>(this, inner, group);

    /// <summary>Counts an event; false where its line is to be left out.</summary>
    public bool Takes(string kind, string peer)
    {
        lock (_gate)
        {
            _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
            var key = (kind, peer);
            if (!_seen.TryGetValue(key, out var seen))
            {
                if (_seen.Count >= MostKeys)
                {
                    key = (kind, Others);
                    seen = _seen.GetValueOrDefault(key);
                }

                _seen[key] = seen ??= new Seen { Since = time.GetTimestamp() };
            }

            if (seen.Lines < MostLines)
            {
                seen.Lines++;
                return true;
            }

            seen.LeftOut++;
            return false;
        }
    }

    /// <summary>Says what was left out of each minute that is over, and begins it anew.</summary>
    public void Look()
    {
        List<(string Kind, string Peer, long LeftOut)> told = [];
        lock (_gate)
        {
            foreach (var (key, seen) in _seen)
            {
                if (time.GetElapsedTime(seen.Since) >= Window)
                {
                    _seen.Remove(key);
                    if (seen.LeftOut > 0)
                    {
                        told.Add((key.Kind, key.Peer, seen.LeftOut));
                    }
                }
            }
        }

        foreach (var (kind, peer, leftOut) in told)
        {
            LogMore(peer, leftOut, kind);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_look, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Look();
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Peer}: {Count} more of \"{Kind}\" in the last minute")]
    private partial void LogMore(string peer, long count, string kind);

    private sealed class Seen
    {
        public long Since { get; init; }

        public int Lines { get; set; }

        public long LeftOut { get; set; }
    }

    private sealed class Limited<T>(PeerLog owner, ILogger inner, string group) : ILogger<T>
    {
        private readonly ConcurrentDictionary<string, string> _kinds = new(); // a logger's methods are few

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel < LogLevel.Information || PeerOf(state) is not { } peer || owner.Takes(KindOf(eventId), peer))
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
            }
        }

        private static string? PeerOf<TState>(TState state)
        {
            string? node = null;
            foreach (var (name, value) in state as IReadOnlyList<KeyValuePair<string, object?>> ?? [])
            {
                if (name == "Address")
                {
                    return $"peer at {value}";
                }

                node = name == "Node" ? $"node {value}" : node;
            }

            return node;
        }

        private string KindOf(EventId eventId) => _kinds.GetOrAdd(eventId.Name ?? "", name =>
        {
            var kind = new StringBuilder(group);
            foreach (var letter in name.StartsWith("Log", StringComparison.Ordinal) ? name[3..] : name)
            {
                kind.Append(char.IsAsciiLetterUpper(letter) ? $"_{char.ToLowerInvariant(letter)}" : letter);
            }

            return kind.ToString();
        });
    }
}
