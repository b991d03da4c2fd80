using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <content>What is sent when.</content>
public sealed partial class HubSync
{
    private long _nextResend = long.MaxValue; // never later than the first deadline of what is in flight
    private long _nextRetry = long.MaxValue; // likewise, of what has failed
    private long _probeAt; // while nothing succeeds: when one of what has failed is tried again
    private int _failedInRow; // tries that failed, without a success between

    /// <summary>
    /// The next message to send now, if any: one that is due again, else the next of the queues while the window has room.
    /// </summary>
    /// <param name="nowMs">Milliseconds of a clock that never goes back.</param>
    /// <param name="unixMs">Wall clock for the message's timestamp, Unix milliseconds.</param>
    /// <param name="message">The message.</param>
    public bool TryTake(long nowMs, long unixMs, out Message message)
    {
        SetTime(nowMs, unixMs);
        if (TryTakeInventory(nowMs, unixMs, out message) || TryTakeDue(nowMs, unixMs, out message))
        {
            return true;
        }

        if (!_open)
        {
            return false;
        }

        QueueRetries(nowMs);
        Span<bool> mayLaunch = stackalloc bool[SendQueues.Lanes];
        FindRoom(mayLaunch);
        while (_queues.Dequeue(mayLaunch) is { } entry)
        {
            if (entry.IsDirty && entry.Flight is null)
            {
                message = Launch(entry, nowMs, unixMs);
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// When <see cref="TryTake"/> may have something to send again, by the clock of its <c>nowMs</c>; null for never. It may be
    /// early, never late.
    /// </summary>
    public long? NextDeadline
    {
        get
        {
            var next = _inFlight.Count > 0 ? _nextResend : long.MaxValue;
            if (_failed.Count > 0 && _open && !(_failedInRow > 0 && _inFlight.Count > 0))
            {
                next = Math.Min(next, _failedInRow > 0 ? Math.Max(_probeAt, _nextRetry) : _nextRetry);
            }

            if (_ask is not null)
            {
                next = Math.Min(next, _askDeadline);
            }

            return next == long.MaxValue ? null : next;
        }
    }

    private void FindRoom(Span<bool> mayLaunch)
    {
        if (_inFlight.Count >= (_failedInRow > 0 ? 1 : _options.MaxInFlight))
        {
            mayLaunch.Clear();
            return;
        }

        var messages = 0;
        long bytes = 0;
        for (var lane = 0; lane < mayLaunch.Length; lane++)
        {
            messages += _loads[lane].Messages;
            bytes += _loads[lane].Bytes;
            mayLaunch[lane] = messages < _options.Window && bytes < _options.WindowBytes;
        }
    }

    private bool TryTakeDue(long nowMs, long unixMs, out Message message)
    {
        message = null!;
        if (nowMs < _nextResend)
        {
            return false;
        }

        HubEntry? due = null;
        var next = long.MaxValue;
        foreach (var entry in _inFlight)
        {
            if (due is null && entry.Flight!.Deadline <= nowMs)
            {
                due = entry;
                ResentCount++;
                entry.Flight.Attempts++;
                entry.Flight.Deadline = nowMs + ResendDelay(entry.Flight.Attempts);
            }

            next = Math.Min(next, entry.Flight!.Deadline);
        }

        _nextResend = next;
        message = due is null ? null! : Render(due, due.Flight!, unixMs);
        return due is not null;
    }

    /// <summary>Queues what has failed and is due; while nothing succeeds, one at a time and only as often as its pauses say.</summary>
    private void QueueRetries(long nowMs)
    {
        if (_failed.Count == 0 || nowMs < _nextRetry || (_failedInRow > 0 && (_inFlight.Count > 0 || nowMs < _probeAt)))
        {
            return;
        }

        _nextRetry = long.MaxValue;
        var kept = 0;
        var mayQueue = true;
        for (var i = 0; i < _failed.Count; i++)
        {
            var entry = _failed[i];
            if (entry.IsQueued || entry.Flight is not null || !entry.IsDirty || entry.Progress is not { RetryAt: > long.MinValue } failed)
            {
                entry.IsListedFailed = false; // changed, and on its way again
                continue;
            }

            if (mayQueue && failed.RetryAt <= nowMs)
            {
                _queues.Enqueue(entry);
                entry.IsListedFailed = false;
                mayQueue = _failedInRow == 0;
                continue;
            }

            _nextRetry = Math.Min(_nextRetry, failed.RetryAt);
            _failed[kept++] = entry;
        }

        _failed.RemoveRange(kept, _failed.Count - kept);
        if (kept == 0)
        {
            _failed.Capacity = 0;
        }
    }

    private Message Launch(HubEntry entry, long nowMs, long unixMs)
    {
        var wanted = entry.Wanted;
        var flight = new Flight
        {
            Number = ++_lastId,
            Object = wanted,
            Uid = wanted?.Uid ?? entry.Held!.Value.Uid,
            Operation = wanted is null ? Operations.Delete : entry.Held is null ? Operations.Insert : Operations.Update,
            Bytes = wanted?.Json.Length ?? 0,
            ChangedMs = entry.Progress?.ChangedMs ?? nowMs,
            ChangedUnixMs = entry.Progress is { ChangedUnixMs: > 0 } changed ? changed.ChangedUnixMs : unixMs,
            SentUnixMs = unixMs,
            Attempts = 1,
        };
        if (entry.Progress is { } progress)
        {
            progress.ChangedMs = null;
            progress.ChangedUnixMs = 0;
            progress.RetryAt = long.MinValue;
        }

        entry.Flight = flight;
        _inFlight.Add(entry);
        ref var load = ref _loads[SendQueues.LaneOf(entry.Key.Type)];
        load.Messages++;
        load.Bytes += flight.Bytes;
        flight.Deadline = nowMs + ResendDelay(1);
        _nextResend = _inFlight.Count == 1 ? flight.Deadline : Math.Min(_nextResend, flight.Deadline);
        return Render(entry, flight, unixMs);
    }

    /// <summary>What is on its way needs time on a slow link, and is no less on its way for that.</summary>
    private long ResendDelay(int attempts)
    {
        var delay = RetryPause.After(_options.ResendAfterMs, _options.ResendCapMs, attempts);
        if (_options.SlowestBytesPerSecond == 0)
        {
            return delay;
        }

        long bytes = 0;
        foreach (var load in _loads)
        {
            bytes += load.Bytes;
        }

        return delay + (bytes * 1000 / _options.SlowestBytesPerSecond);
    }

    private Message Render(HubEntry entry, Flight flight, long unixMs) => new()
    {
        Id = $"{_options.IdPrefix}{flight.Number}",
        Timestamp = unixMs,
        ResourceVersion = flight.Object?.ResourceVersion ?? "",
        Source = entry.Key.Type is ResourceTypes.Device or ResourceTypes.DeviceModel ? Sources.DeviceController : Sources.EdgeController,
        Group = Groups.Resource,
        Operation = flight.Operation,
        Resource = entry.Key.ToString(),
        Content = flight.Object?.Json ?? Tombstone.Write(entry.Key, flight.Uid),
    };
}
