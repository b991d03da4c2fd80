using System.Collections.Concurrent;
using System.Diagnostics;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>When a part of a fleet was through, Stopwatch ticks.</summary>
/// <param name="Count">How many were within the limit.</param>
/// <param name="Half">When half of them were.</param>
/// <param name="Most">When 99 % were.</param>
/// <param name="Last">When the last was.</param>
internal readonly record struct Arrivals(int Count, long Half, long Most, long Last)
{
    public static Arrivals Of(IEnumerable<long> times, int wanted)
    {
        var sorted = times.Order().ToArray();
        long At(double part) => sorted.Length == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(part * wanted) - 1, 0, sorted.Length - 1)];
        return new Arrivals(sorted.Length, At(0.5), At(0.99), At(1));
    }
}

/// <summary>All hollow edges of this process: who dials when, their heartbeats, and the noting of what arrives.</summary>
internal sealed class HollowFleet(HollowIdentities identities, HollowTarget target) : IAsyncDisposable
{
    private static readonly TimeSpan s_sweep = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_report = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<int, HollowEdge> _edges = new();
    private readonly ConcurrentDictionary<int, Task> _running = new();
    private readonly CancellationTokenSource _stop = new();
    private Task? _beats;
    private volatile TaskCompletionSource? _hold;
    private volatile Expectation? _expected;

    public HollowIdentities Identities => identities;

    public HollowTarget Target => target;

    /// <summary>Whether nobody may dial now.</summary>
    public bool IsHeld => _hold is not null;

    public IEnumerable<HollowEdge> Edges => _edges.Values;

    /// <summary>Returns when dialling is allowed.</summary>
    public Task WaitForTurnAsync(CancellationToken cancellationToken) => _hold?.Task.WaitAsync(cancellationToken) ?? Task.CompletedTask;

    /// <summary>Brings up edges, so many at a time, until each is in step with the hub.</summary>
    public async Task<Arrivals> OpenAsync(int first, int count, int atOnce, TimeSpan limit)
    {
        identities.Prepare(first, count);
        _beats ??= Task.Run(BeatAsync);
        var deadline = Stopwatch.GetTimestamp() + (long)(limit.TotalSeconds * Stopwatch.Frequency);
        await Parallel.ForEachAsync(
            Enumerable.Range(first, count),
            new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = _stop.Token },
            async (index, _) =>
            {
                var edge = new HollowEdge(this, index);
                if (!_edges.TryAdd(index, edge))
                {
                    throw new InvalidOperationException($"{edge.Name} is open already");
                }

                _running[index] = edge.RunAsync(_stop.Token);
                var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline);
                await Task.WhenAny(edge.Converged, Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, _stop.Token));
            });
        return Converged(Enumerable.Range(first, count).Select(i => _edges[i]).ToArray());
    }

    /// <summary>Cuts every link at once and lets nobody dial until <see cref="BackAsync"/>.</summary>
    public void Cut()
    {
        _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var edge in _edges.Values)
        {
            edge.BeginRound();
            edge.Cut();
        }
    }

    /// <summary>Everybody dials now.</summary>
    public async Task<(long Start, Arrivals Arrivals)> BackAsync(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        var hold = _hold;
        _hold = null;
        hold?.SetResult();
        var edges = _edges.Values.ToArray();
        await Task.WhenAny(Task.WhenAll(edges.Select(e => e.Converged)), Task.Delay(limit, _stop.Token));
        return (start, Converged(edges));
    }

    /// <summary>Objects of this type that contain the text are counted from now on.</summary>
    public void Expect(string type, string text, int count) => _expected = new Expectation(type, System.Text.Encoding.UTF8.GetBytes(text), count);

    /// <summary>Until as many have arrived.</summary>
    public async Task<Arrivals> ArrivedAsync(TimeSpan limit)
    {
        var expected = _expected ?? throw new InvalidOperationException("nothing is expected");
        await Task.WhenAny(expected.Complete, Task.Delay(limit, _stop.Token));
        return Arrivals.Of(expected.Times, expected.Count);
    }

    /// <summary>An edge has stored an object.</summary>
    public void Arrived(ObjectKey key, KubeObject stored)
    {
        if (_expected is { } expected && expected.Type == key.Type && stored.Json.Span.IndexOf(expected.Text) >= 0)
        {
            expected.Note();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running.Values);
        await (_beats ?? Task.CompletedTask);
        _stop.Dispose();
    }

    private static Arrivals Converged(HollowEdge[] edges) => Arrivals.Of(
        edges.Where(e => e.Converged.IsCompletedSuccessfully).Select(e => e.Converged.Result), edges.Length);

    /// <summary>Each edge beats at its own moment of the interval: a timer for each would cost more than the beats.</summary>
    private async Task BeatAsync()
    {
        var slots = (int)(HollowLink.Heartbeat / s_sweep);
        var rounds = (int)(s_report / HollowLink.Heartbeat);
        using var timer = new PeriodicTimer(s_sweep);
        var start = Stopwatch.GetTimestamp();
        var done = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                // a sweep that lasted longer than its slot is made up for
                for (var due = (int)(Stopwatch.GetElapsedTime(start) / s_sweep); done < due; done++)
                {
                    foreach (var (index, edge) in _edges)
                    {
                        if (index % slots == done % slots)
                        {
                            var isReportDue = index / slots % rounds == done / slots % rounds && done >= slots;
                            await edge.BeatAsync(isReportDue, _stop.Token);
                        }
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // the end
        }
    }

    private sealed class Expectation(string type, byte[] text, int count)
    {
        private readonly ConcurrentQueue<long> _times = new();
        private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _arrived;

        public string Type => type;

        public byte[] Text => text;

        public int Count => count;

        public Task Complete => _complete.Task;

        public IReadOnlyCollection<long> Times => _times;

        public void Note()
        {
            _times.Enqueue(Stopwatch.GetTimestamp());
            if (Interlocked.Increment(ref _arrived) == count)
            {
                _complete.TrySetResult();
            }
        }
    }
}
