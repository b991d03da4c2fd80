using EdgeSync.Hosting;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <content>What goes up: acknowledgements, the outbox, signs of life.</content>
internal sealed partial class EdgeHubService
{
    private async Task SendAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        while (true)
        {
            await SettleAsync(cancellationToken);
            await TellCaughtUpAsync(socket, cancellationToken);
            OfferFromOutbox();
            bool any;
            bool settled;
            Message message;
            long? deadline;
            var now = time.NowMs();
            lock (_gate)
            {
                any = _sync.TryTake(now, time.UnixMs(), out message);
                settled = _sync.HasSettled;
                deadline = _sync.NextDeadline;
            }

            if (any)
            {
                LogSending(message.Operation, message.Resource, message.Id);
                var isAnswer = message.ParentId.Length > 0;
                Failpoint.Hit(isAnswer ? EdgeFailpoints.ObjectApplied : EdgeFailpoints.UploadTaken);
                if (_kubeEdge?.FirstReports.ExtraFor(message) is { } extra)
                {
                    await socket.SendAsync(extra, cancellationToken);
                }

                await socket.SendAsync(message, cancellationToken);
                Failpoint.Hit(isAnswer ? EdgeFailpoints.ObjectAcknowledged : EdgeFailpoints.UploadSent);
                continue;
            }

            if (settled)
            {
                continue;
            }

            var wait = deadline is { } due ? TimeSpan.FromMilliseconds(Math.Max(1, due - now)) : Timeout.InfiniteTimeSpan;
            if (!await _sendWake.WaitAsync(wait, cancellationToken))
            {
                _outboxDirty = true; // a pause may have ended
            }
        }
    }

    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Settlement> settled;
        lock (_gate)
        {
            settled = _sync.TakeSettled();
        }

        if (settled.Count > 0)
        {
            Failpoint.Hit(EdgeFailpoints.AnswerReceived);
            // should this fail the entries are sent once more, which the hub bears
            await outbox.SettleAsync(settled, cancellationToken);
            journal.Taken(settled.Count(s => s.Reason == SettleReason.Taken));
            _outboxDirty = true;
        }
    }

    /// <summary>Once both sides are even after a time without link, says so here and to the hub.</summary>
    private async Task TellCaughtUpAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        if (journal.DrainTo is { } last && !outbox.HasUpTo(last))
        {
            journal.Drained();
        }

        if (journal.TakeCaughtUp() is not { } caughtUp)
        {
            return;
        }

        LogCaughtUp(caughtUp.Down.TotalSeconds, caughtUp.Stored, caughtUp.Delivered, caughtUp.Lost);
        _lost = caughtUp.Lost;
        await ReportAsync(socket, cancellationToken);
    }

    /// <summary>Tells a hub that knows the extension the agent's own figures.</summary>
    private async Task ReportAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        if (!_extended)
        {
            return;
        }

        Volatile.Write(ref _reportedDropped, journal.Dropped);
        await socket.SendAsync(
            new Message
            {
                Id = Guid.NewGuid().ToString(),
                Timestamp = time.UnixMs(),
                Source = Sources.MetaManager,
                Group = Groups.Resource,
                Operation = Operations.Report,
                Resource = Operations.Report,
                Content = journal.Report(_lost, outbox.Count).Write(),
            },
            cancellationToken);
    }

    private void OfferFromOutbox()
    {
        if (!_outboxDirty || _kubeEdge is { IsOpen: false })
        {
            return;
        }

        _outboxDirty = false;
        IReadOnlyList<OutboxItem> next;
        lock (_gate)
        {
            var now = time.NowMs();
            next = outbox.Next(_sync.RoomOf, key => _sync.IsBusy(key, now));
        }

        var entries = outbox.Read(next);
        lock (_gate)
        {
            _sync.Offer(entries, time.NowMs());
        }

        // whoever has more to say than there was room for goes on when an answer has made room
    }

    private async Task HeartbeatAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(config.Modules.EdgeHub.Heartbeat), time);
        var number = 0L;
        do
        {
            if (Volatile.Read(ref _reportedDropped) is >= 0 and var reported && journal.Dropped != reported)
            {
                await ReportAsync(socket, cancellationToken);
            }

            await socket.SendAsync(Keepalive.Create(_extended, ++number, time.UnixMs()), cancellationToken);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private async Task WatchOutboxAsync(CancellationToken cancellationToken)
    {
        await foreach (var _ in outbox.Signal.ReadAllAsync(cancellationToken))
        {
            WakeSender();
        }
    }

    [LoggerMessage(LogLevel.Information,
        "In sync with the hub after {Seconds:0.0} s without link: {Stored} updates stored, {Delivered} messages delivered, {Lost} lost")]
    private partial void LogCaughtUp(double seconds, long stored, long delivered, long lost);

    [LoggerMessage(LogLevel.Trace, "From hub: {Operation} {Resource} {Id}: an answer to a request")]
    private partial void LogTaken(string operation, string resource, string id);

    [LoggerMessage(LogLevel.Trace, "To hub: {Operation} {Resource} {Id}")]
    private partial void LogSending(string operation, string resource, string id);
}
