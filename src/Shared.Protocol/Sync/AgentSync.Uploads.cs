using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <content>What goes up: entries of the outbox, until the hub has answered.</content>
public sealed partial class AgentSync
{
    private const int Lanes = 4;

    private readonly Dictionary<string, Upload> _uploads = new(StringComparer.Ordinal); // by key
    private readonly Dictionary<string, Upload> _bySentId = new(StringComparer.Ordinal);
    private readonly Queue<Upload>[] _ready = [new(), new(), new(), new()];
    private readonly int[] _loads = new int[Lanes]; // ready or on their way
    private readonly List<Settlement> _settled = [];
    private Upload? _unanswered; // sent last, and the hub answers nothing to its kind
    private long _nextDeadline = long.MaxValue; // never later than the first deadline of an upload

    /// <summary>How many entries of the lane may be offered now, those of the lanes before it counted in.</summary>
    public int RoomOf(Lane lane)
    {
        var load = 0;
        for (var i = 0; i <= (int)lane; i++)
        {
            load += _loads[i];
        }

        return _connected ? Math.Max(0, options.Window - load) : 0;
    }

    /// <summary>Whether an entry of the key is on its way, or waits for the end of its pause: none may be offered.</summary>
    public bool IsBusy(string key, long nowMs) =>
        _uploads.TryGetValue(key, out var upload) && (upload.Entry is not null || nowMs < upload.Deadline);

    /// <summary>Entries of the outbox, oldest of the first lane first. Those whose key is busy are passed over.</summary>
    public void Offer(IEnumerable<OutboxEntry> entries, long nowMs)
    {
        foreach (var entry in entries)
        {
            if (!_connected || IsBusy(entry.Message.Key, nowMs))
            {
                continue;
            }

            if (entry.Message.Content is null)
            {
                // its renderer found nothing left to say
                _uploads.Remove(entry.Message.Key);
                _settled.Add(new Settlement(entry, SettleReason.NothingToSay));
                continue;
            }

            if (!_uploads.TryGetValue(entry.Message.Key, out var upload))
            {
                _uploads.Add(entry.Message.Key, upload = new Upload());
            }

            upload.Entry = entry;
            upload.Deadline = long.MaxValue;
            _ready[(int)entry.Message.Lane].Enqueue(upload);
            _loads[(int)entry.Message.Lane]++;
        }
    }

    /// <summary>Whether <see cref="TakeSettled"/> has something to give.</summary>
    public bool HasSettled => _settled.Count > 0;

    /// <summary>Entries that are done, to be removed from the outbox; each is given once.</summary>
    public IReadOnlyList<Settlement> TakeSettled()
    {
        if (_settled.Count == 0)
        {
            return [];
        }

        Settlement[] settled = [.. _settled];
        _settled.Clear();
        return settled;
    }

    private bool TryTakeUpload(long nowMs, long unixMs, out Message message)
    {
        message = null!;
        if (nowMs >= _nextDeadline && TakeDue(nowMs) is { } due)
        {
            message = Render(due, unixMs);
            return true;
        }

        foreach (var lane in _ready)
        {
            if (lane.TryDequeue(out var upload))
            {
                upload.SentId = NextId();
                upload.Sends++;
                upload.Deadline = nowMs + RetryPause.After(options.AnswerTimeoutMs, options.AnswerTimeoutCapMs, upload.Sends);
                _nextDeadline = Math.Min(_nextDeadline, upload.Deadline);
                _bySentId.Add(upload.SentId, upload);
                _unanswered = IsKubeEdge && upload.Entry!.Message is { Operation: Operations.Upload, Group: Groups.User } ? upload : null;
                message = Render(upload, unixMs);
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// One whose answer is overdue, to be sent again; pauses that have ended are noted, and forgotten once long past. Of what only the
    /// last value matters the content is left to the outbox: it may have been overtaken, or its object gone, since it was sent.
    /// </summary>
    private Upload? TakeDue(long nowMs)
    {
        Upload? due = null;
        _nextDeadline = long.MaxValue;
        List<string>? forgotten = null;
        foreach (var (key, upload) in _uploads)
        {
            var next = upload.Deadline;
            if (upload.Entry is null && next <= nowMs)
            {
                // the pause is over; should its entry be gone from the outbox, nothing will be offered
                next += 2 * options.RetryCapMs;
                if (next <= nowMs)
                {
                    (forgotten ??= []).Add(key);
                    continue;
                }
            }
            else if (next <= nowMs && upload.Entry is { Message.Each: false })
            {
                GiveBack(upload);
                next = upload.Deadline = nowMs + 1;
            }
            else if (next <= nowMs && due is null)
            {
                due = upload;
                upload.Sends++;
                next = upload.Deadline = nowMs + RetryPause.After(options.AnswerTimeoutMs, options.AnswerTimeoutCapMs, upload.Sends);
            }

            _nextDeadline = Math.Min(_nextDeadline, next);
        }

        forgotten?.ForEach(key => _uploads.Remove(key));
        return due;
    }

    private Receipt ReceiveAnswer(Message message, long nowMs)
    {
        if (message.ParentId == _digestId)
        {
            _digestId = null;
            _digestDue = long.MaxValue;
            return Receipt.Synced;
        }

        if (!_bySentId.Remove(message.ParentId, out var upload))
        {
            LateAnswers++;
            return Receipt.LateAnswer;
        }

        var entry = upload.Entry!;
        _loads[(int)entry.Message.Lane]--;
        upload.SentId = null;
        upload.Sends = 0;
        switch (Answer.Read(message))
        {
            case Answer.Verdict.Taken:
                Settle(entry, SettleReason.Taken);
                return Receipt.Answer;
            case Answer.Verdict.Never:
                RejectedCount++;
                Settle(entry, SettleReason.Rejected);
                return Receipt.Rejected;
            default:
                // the content is left to the outbox: what is sent after the pause is the key's newest
                upload.Entry = null;
                upload.Failures++;
                upload.Deadline = nowMs + RetryPause.After(options.RetryAfterMs, options.RetryCapMs, upload.Failures);
                _nextDeadline = Math.Min(_nextDeadline, upload.Deadline);
                return Receipt.Retry;
        }
    }

    private void GiveBack(Upload upload)
    {
        _bySentId.Remove(upload.SentId!);
        _loads[(int)upload.Entry!.Message.Lane]--;
        upload.SentId = null;
        upload.Entry = null;
    }

    /// <summary>
    /// KubeEdge's router confirms no routed message. Being asked for the next message is the owner's word that the link has
    /// taken the last one, and more than that nobody will say.
    /// </summary>
    private void SettleUnanswered()
    {
        if (_unanswered is { } sent)
        {
            _unanswered = null;
            _bySentId.Remove(sent.SentId!);
            _loads[(int)sent.Entry!.Message.Lane]--;
            Settle(sent.Entry, SettleReason.Taken);
        }
    }

    private void Settle(OutboxEntry entry, SettleReason reason)
    {
        _uploads.Remove(entry.Message.Key);
        _settled.Add(new Settlement(entry, reason));
    }

    private void ForgetUploads()
    {
        _uploads.Clear();
        _bySentId.Clear();
        _unanswered = null;
        Array.ForEach(_ready, lane => lane.Clear());
        Array.Clear(_loads);
        _nextDeadline = long.MaxValue;
    }

    private static Message Render(Upload upload, long unixMs)
    {
        var entry = upload.Entry!.Message;
        return new Message
        {
            Id = upload.SentId!,
            Timestamp = unixMs,
            Source = entry.Source,
            Group = entry.Group,
            Operation = entry.Operation,
            Resource = entry.Resource,
            Content = entry.Content,
        };
    }

    private sealed class Upload
    {
        /// <summary>What is ready or on its way; null during and after a pause.</summary>
        public OutboxEntry? Entry { get; set; }

        /// <summary>The id under which it is on its way; null while it is not.</summary>
        public string? SentId { get; set; }

        /// <summary>When it is to be sent again, or its pause ends; never while it waits for its turn.</summary>
        public long Deadline { get; set; } = long.MaxValue;

        /// <summary>How often it went without an answer.</summary>
        public int Sends { get; set; }

        public int Failures { get; set; }
    }
}
