using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// client-go's leader election: of several processes one leads at a time.
/// <code>
///            lease free, or not renewed for its duration as seen by this process's clock     RenewDeadline without a renewal,
///  standby ──────────────────────────────────────────────────────────────────────▶ leader ── or another one holds it ──▶ standby
///     ▲                                                                               │
///     └────── stopped: the work has ended, then the lease is given back ◀─────────────┘
/// </code>
/// Clocks need not agree: nobody reads the times that another one wrote. A leader counts from the moment at which it asked for a renewal, the
/// others from the moment at which they saw it, and its deadline is shorter than their wait: it has stopped before another begins. Runs once.
/// </summary>
internal sealed partial class LeaderElection(KubeClient api, LeaderElectionOptions options, TimeProvider time, ILogger<LeaderElection> logger)
{
    // client-go: the period and up to 1.2 times as much again, at random, so that those who wait do not come together
    private const double JitterFactor = 1.2;

    private static readonly TimeSpan s_armingSlack = TimeSpan.FromMilliseconds(100);

    private string _seenVersion = "";
    private long _seenAt; // when the lease was last seen to change
    private LeaseRecord? _last; // as this process last wrote it; null: read it first
    private long _answeredAt = time.GetTimestamp();
    private volatile bool _isLeader;
    private volatile string _leader = "";
    private int _terms;

    public string Identity => options.Identity;

    /// <summary>Whether this process leads.</summary>
    public bool IsLeader => _isLeader;

    /// <summary>Who leads, as last seen; empty for nobody.</summary>
    public string Leader => _leader;

    /// <summary>How often this process has become the leader.</summary>
    public int Terms => Volatile.Read(ref _terms);

    /// <summary>Since when the API has not answered: it is asked every few seconds, also where another one leads.</summary>
    public TimeSpan ApiSilence => time.GetElapsedTime(Interlocked.Read(ref _answeredAt));

    /// <summary>
    /// Waits for the lease, works while it is held, and begins again when it was lost, until cancelled. The lease is given back after
    /// the work has ended.
    /// </summary>
    /// <param name="work">Its token tells it to end at once: the lease is lost, or all ends. Where it fails, so does this.</param>
    /// <param name="ct">Ends it.</param>
    public async Task RunAsync(Func<CancellationToken, Task> work, CancellationToken ct)
    {
        while (true)
        {
            var askedAt = await AcquireAsync(ct);
            using var deadline = new CancellationTokenSource(options.RenewDeadline, time);
            Arm(deadline, askedAt);
            using var term = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
            Interlocked.Increment(ref _terms);
            _isLeader = true;
            LogLeads(options.Identity);
            try
            {
                await WorkAsync(work, deadline, term);
            }
            finally
            {
                _isLeader = false;
                if (ct.IsCancellationRequested)
                {
                    await GiveBackAsync();
                }
            }

            ct.ThrowIfCancellationRequested();
            LogLost(options.Identity);
        }
    }

    private async Task WorkAsync(Func<CancellationToken, Task> work, CancellationTokenSource deadline, CancellationTokenSource term)
    {
        // the flag falls with the token, not when the work has noticed
        using var falls = term.Token.Register(() =>
        {
            _isLeader = false;
            deadline.CancelAfter(Timeout.InfiniteTimeSpan);
        });
        var working = work(term.Token);
        var renewing = RenewAsync(deadline, term.Token);
        await Task.WhenAny(working, renewing);
        term.Cancel(); // here and now, not on a thread of the pool's: the flag falls and the work is told before anything else is done
        await renewing;
        try
        {
            await working;
        }
        catch (OperationCanceledException) when (term.IsCancellationRequested)
        {
            // told to end, and ended
        }
    }

    /// <summary>When the request was begun that took the lease.</summary>
    private async Task<long> AcquireAsync(CancellationToken ct)
    {
        while (true)
        {
            var askedAt = time.GetTimestamp();
            if (await TryAsync(ct) == Outcome.Held && LeftOf(askedAt) > TimeSpan.Zero)
            {
                return askedAt;
            }

            await Task.Delay(options.RetryPeriod * (1 + (JitterFactor * Random.Shared.NextDouble())), time, ct);
        }
    }

    /// <summary>Renews until the term is over; ends it where another one holds the lease.</summary>
    private async Task RenewAsync(CancellationTokenSource deadline, CancellationToken term)
    {
        try
        {
            while (true)
            {
                await Task.Delay(options.RetryPeriod, time, term);
                var askedAt = time.GetTimestamp();
                var outcome = await TryAsync(term);
                if (outcome == Outcome.Taken)
                {
                    return;
                }

                if (outcome == Outcome.Held && !term.IsCancellationRequested)
                {
                    Arm(deadline, askedAt);
                }
            }
        }
        catch (OperationCanceledException) when (term.IsCancellationRequested)
        {
            // not renewed in time, or all ends
        }
    }

    /// <summary>
    /// The term ends when the deadline has passed since the request. Looked at again afterwards: a process that was stopped in between (a machine
    /// that sleeps, a debugger) would else count from when it woke.
    /// </summary>
    private void Arm(CancellationTokenSource deadline, long askedAt)
    {
        TimeSpan left;
        do
        {
            left = LeftOf(askedAt);
            deadline.CancelAfter(left);
        }
        while (left - LeftOf(askedAt) > s_armingSlack);
    }

    private TimeSpan LeftOf(long askedAt)
    {
        var left = options.RenewDeadline - time.GetElapsedTime(askedAt);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>One try to take or renew the lease.</summary>
    private async Task<Outcome> TryAsync(CancellationToken ct)
    {
        // a try that hangs must leave time for another one
        using var limit = new CancellationTokenSource(options.RenewDeadline / 2, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            try
            {
                return await TryOnceAsync(linked.Token);
            }
            catch (ApiException e) when (e.IsConflict)
            {
                // somebody wrote it since it was last written here: look who
                _last = null;
                return await TryOnceAsync(linked.Token);
            }
        }
        catch (ApiException e)
        {
            _last = null;
            if (!e.IsTransient)
            {
                Answered();
            }

            if (!e.IsConflict && !e.IsAlreadyExists)
            {
                LogFailed(options.Namespace, options.Name, e.Message);
            }

            return Outcome.Unknown;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            LogFailed(options.Namespace, options.Name, "no answer in time");
            return Outcome.Unknown;
        }
    }

    private async Task<Outcome> TryOnceAsync(CancellationToken ct)
    {
        var record = _last ?? await ReadAsync(ct);
        if (record is { Holder.Length: > 0 } && record.Holder != options.Identity && time.GetElapsedTime(_seenAt) < record.Duration)
        {
            _leader = record.Holder;
            return Outcome.Taken;
        }

        var next = (record ?? LeaseRecord.New(options.Namespace, options.Name)).HeldBy(options.Identity, options.LeaseDuration, time.GetUtcNow());
        _last = null; // also where no answer comes: the write may have been carried out
        var written = record is null
            ? await api.CreateAsync(ApiResources.Leases, options.Namespace, next.ToJson(), ct)
            : await api.UpdateAsync(ApiResources.Leases, options.Namespace, options.Name, next.ToJson(), null, ct);
        Answered();
        _last = LeaseRecord.Read(written);
        _leader = options.Identity;
        return Outcome.Held;
    }

    private async Task<LeaseRecord?> ReadAsync(CancellationToken ct)
    {
        var lease = await api.GetAsync(ApiResources.Leases, options.Namespace, options.Name, ct);
        Answered();
        if (lease is null)
        {
            return null;
        }

        if (lease.ResourceVersion != _seenVersion)
        {
            (_seenVersion, _seenAt) = (lease.ResourceVersion, time.GetTimestamp());
        }

        return LeaseRecord.Read(lease) ?? throw new ApiException(
            "leader election", new Protocol.Kubernetes.Status { Code = 422, Message = $"the lease {options.Namespace}/{options.Name} is not a Lease in form; delete it" });
    }

    private void Answered() => Interlocked.Exchange(ref _answeredAt, time.GetTimestamp());

    /// <summary>So that the others need not wait for its end.</summary>
    private async Task GiveBackAsync()
    {
        using var limit = new CancellationTokenSource(options.RenewDeadline / 2, time);
        try
        {
            if (await ReadAsync(limit.Token) is { } record && record.Holder == options.Identity)
            {
                var free = record.Free(time.GetUtcNow());
                await api.UpdateAsync(ApiResources.Leases, options.Namespace, options.Name, free.ToJson(), null, limit.Token);
                LogGivenBack(options.Identity);
            }
        }
        catch (Exception e) when (e is ApiException or OperationCanceledException)
        {
            LogFailed(options.Namespace, options.Name, e.Message);
        }
    }

    private enum Outcome
    {
        /// <summary>The API did not say.</summary>
        Unknown,
        Held,
        Taken,
    }

    [LoggerMessage(LogLevel.Information, "This replica leads now, {Identity}")]
    private partial void LogLeads(string identity);

    [LoggerMessage(LogLevel.Warning, "This replica leads no longer, {Identity}: the lease could not be renewed in time, or another one has it")]
    private partial void LogLost(string identity);

    [LoggerMessage(LogLevel.Information, "The leader's lease was given back, {Identity}")]
    private partial void LogGivenBack(string identity);

    [LoggerMessage(LogLevel.Warning, "The leader's lease {Namespace}/{Name} was neither taken nor renewed: {Text}")]
    private partial void LogFailed(string @namespace, string name, string text);
}
