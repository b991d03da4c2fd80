using EdgeSync.Hosting;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <content>What comes down: stored, then acknowledged.</content>
internal sealed partial class EdgeHubService
{
    private async Task ReceiveAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        while (await socket.ReceiveAsync(cancellationToken) is { } received)
        {
            if (!_heard)
            {
                _heard = true;
                IsConnected = true;
                Connected?.Invoke();
            }

            if (received.Operation == Operations.Tunnel && _extended)
            {
                TunnelWanted?.Invoke();
                continue;
            }

            var message = _kubeEdge is { } kubeEdge ? kubeEdge.Receive(received) : received;
            if (message is null || (_kubeEdge is null && message.ParentId.Length > 0 && _requests?.TryAnswer(message) == true))
            {
                LogTaken(received.Operation, received.Resource, received.Id);
                continue;
            }

            Receipt receipt;
            bool full;
            lock (_gate)
            {
                receipt = _sync.Receive(message, time.NowMs(), time.UnixMs());
                full = _sync.IsFull;
            }

            LogReceived(message.Operation, message.Resource, message.Id, receipt);
            switch (receipt)
            {
                case Receipt.Object:
                    Failpoint.Hit(EdgeFailpoints.ObjectReceived);
                    _storeWake.Set();
                    break;
                case Receipt.Synced:
                    await OnSyncedAsync(cancellationToken);
                    break;
                case Receipt.Rejected:
                    LogRejected(message.Resource, System.Text.Encoding.UTF8.GetString(message.Content.Span[..Math.Min(message.Content.Length, 512)]));
                    break;
                case Receipt.Retry:
                    _outboxDirty = true; // there is room for another
                    break;
                case Receipt.Malformed:
                    LogMalformed(message.Resource);
                    break;
            }

            _sendWake.Set();
            while (full)
            {
                // the disk is behind: stop reading, and TCP tells the hub
                await _storeRoom.WaitAsync(cancellationToken);
                lock (_gate)
                {
                    full = _sync.IsFull;
                }
            }
        }
    }

    private async Task OnSyncedAsync(CancellationToken cancellationToken)
    {
        LogSynced();
        journal.Synced();
        Failpoint.Hit(EdgeFailpoints.SyncedReceived);
        await (Synced?.Invoke(cancellationToken) ?? Task.CompletedTask);
        Failpoint.Hit(EdgeFailpoints.SyncedStored);
        _sendWake.Set();
    }

    /// <summary>An answer that holds an object, taken as a push.</summary>
    private void Deliver(Message message)
    {
        lock (_gate)
        {
            _sync.Receive(message, time.NowMs(), time.UnixMs());
        }

        _storeWake.Set();
        _sendWake.Set();
    }

    private void WakeSender()
    {
        _outboxDirty = true;
        _sendWake.Set();
    }

    private async Task StoreLoopAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            IReadOnlyList<PendingStore> batch;
            lock (_gate)
            {
                batch = _sync.TakeStores(StoreBatch);
            }

            if (batch.Count == 0)
            {
                await _storeWake.WaitAsync(cancellationToken);
                continue;
            }

            string? error = null;
            try
            {
                Failpoint.Hit(EdgeFailpoints.ObjectTaken);
                await meta.ApplyAsync([.. batch.Select(b => b.Change)], null, cancellationToken);
                journal.Stored(batch.Count);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // disk full or failing: tell the hub, which sends again; what runs goes on running
                error = e.Message;
                journal.StoreFailed(batch.Count);
                if (e is DatabaseException { IsDiskFull: true })
                {
                    LogNoRoom(batch.Count, e.Message);
                }
                else
                {
                    LogStoreFailed(e, batch.Count);
                }
            }

            lock (_gate)
            {
                _sync.Stored(batch, error, time.UnixMs());
            }

            _storeRoom.Set();
            _sendWake.Set();
        }
    }

    [LoggerMessage(LogLevel.Information, "Everything that this node should hold is stored")]
    private partial void LogSynced();

    [LoggerMessage(LogLevel.Warning, "The API refused {Resource} for good: {Answer}")]
    private partial void LogRejected(string resource, string answer);

    [LoggerMessage(LogLevel.Warning, "The hub sent {Resource}, which cannot be read as an object; the hub was told")]
    private partial void LogMalformed(string resource);

    [LoggerMessage(LogLevel.Error, "Storing {Count} received objects failed; they are not acknowledged and will come again")]
    private partial void LogStoreFailed(Exception error, int count);

    [LoggerMessage(LogLevel.Error, "{Count} received objects wait for the disk and are not acknowledged: {Reason}")]
    private partial void LogNoRoom(int count, string reason);

    [LoggerMessage(LogLevel.Trace, "From hub: {Operation} {Resource} {Id}: {Receipt}")]
    private partial void LogReceived(string operation, string resource, string id, Receipt receipt);
}
