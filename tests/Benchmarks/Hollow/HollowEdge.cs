using System.Diagnostics;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Authentication;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>
/// A box without a box: the agent's state machine on a real link, its store a dictionary that keeps addresses and hashes. It
/// registers, says what it holds, acknowledges what it stored, and says of every pod that it runs or that it has ended.
/// </summary>
internal sealed class HollowEdge(HollowFleet fleet, int index)
{
    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30));

    private readonly Lock _gate = new();
    private readonly AgentSync _sync = new(new AgentSyncOptions()); // guarded by _gate
    private readonly Dictionary<ObjectKey, InventoryItem> _held = []; // guarded by _gate
    private readonly Dictionary<string, OutboxEntry> _outbox = []; // guarded by _gate; by message key, as the agent's table
    private HollowLink? _link;
    private TaskCompletionSource<long> _converged = NewSignal();
    private long _lastSeq;
    private long _beats;
    private bool _synced; // guarded by _gate
    private bool _pumping; // guarded by _gate
    private bool _again; // guarded by _gate
    private long _bytesBefore;

    public string Name { get; } = HollowIdentities.NameOf(index);

    public bool IsConnected => _link is not null;

    /// <summary>When everything was in step after the last connect (Stopwatch ticks).</summary>
    public Task<long> Converged => _converged.Task;

    /// <summary>Tries to connect that failed, and links that broke by themselves.</summary>
    public int Failures { get; private set; }

    public string LastFailure { get; private set; } = "";

    /// <summary>Bytes of all links, both ways, TLS included.</summary>
    public long Bytes => Interlocked.Read(ref _bytesBefore) + (_link is { } link ? link.BytesSent + link.BytesReceived : 0);

    public int HeldCount
    {
        get
        {
            lock (_gate)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>Says that the next convergence is awaited anew.</summary>
    public void BeginRound() => _converged = NewSignal();

    /// <summary>Cuts the link without a word.</summary>
    public void Cut() => _link?.Cut();

    /// <summary>Keeps a link up until the end; between two links it waits as the agent does, and where the fleet is held, for the fleet.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var ports = fleet.Target.Ports;
        var failures = 0;
        var replica = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await fleet.WaitForTurnAsync(cancellationToken);
                replica = failures == 0 ? Random.Shared.Next(ports.Count) : (replica + 1) % ports.Count;
                await using var link = await HollowLink.OpenAsync(fleet.Target, ports[replica], Name, index, fleet.Identities.ContextOf(index), cancellationToken);
                failures = 0;
                await (fleet.Target.IsBare ? HoldAsync(link, cancellationToken) : RunLinkAsync(link, cancellationToken));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or SocketException or WebSocketException or AuthenticationException
                or OperationCanceledException or ObjectDisposedException or InvalidOperationException or TimeoutException)
            {
                LastFailure = e.GetBaseException().Message;
            }

            if (!fleet.IsHeld)
            {
                Failures++;
                await Task.Delay(s_backoff.After(++failures), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>The agent's keepalive, its status where that is due, and what is due to be sent again.</summary>
    public async Task BeatAsync(bool withStatus, CancellationToken cancellationToken)
    {
        if (_link is not { } link || fleet.Target.IsBare)
        {
            return;
        }

        if (withStatus)
        {
            lock (_gate)
            {
                Put(HollowKubelet.NodeStatus(Name));
            }
        }

        try
        {
            await link.Messages.SendAsync(Keepalive.Create(extended: true, Interlocked.Increment(ref _beats), UnixMs()), cancellationToken);
            await PumpAsync(link, cancellationToken);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // the link's reader finds out as well, and ends it
        }
    }

    private async Task HoldAsync(HollowLink link, CancellationToken cancellationToken)
    {
        _link = link;
        _converged.TrySetResult(Stopwatch.GetTimestamp());
        try
        {
            await link.Messages.ReceiveAsync(cancellationToken);
        }
        finally
        {
            _link = null;
        }
    }

    private async Task RunLinkAsync(HollowLink link, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _synced = false;
            _sync.Connected($"{Guid.NewGuid():n}-", () => _held.Values);
            Put(HollowKubelet.Registration(Name));
            Put(HollowKubelet.NodeStatus(Name));
            _pumping = false;
        }

        _link = link;
        try
        {
            await link.Messages.SendAsync(Keepalive.Create(extended: true, Interlocked.Increment(ref _beats), UnixMs()), cancellationToken);
            await PumpAsync(link, cancellationToken);
            while (await link.Messages.ReceiveAsync(cancellationToken) is { } message)
            {
                Receive(message);
                await PumpAsync(link, cancellationToken);
            }
        }
        finally
        {
            _link = null;
            Interlocked.Add(ref _bytesBefore, link.BytesSent + link.BytesReceived);
            lock (_gate)
            {
                _sync.Disconnected();
            }
        }
    }

    private void Receive(Message message)
    {
        lock (_gate)
        {
            if (_sync.Receive(message, NowMs(), UnixMs()) == Receipt.Synced)
            {
                _synced = true;
            }
        }
    }

    /// <summary>Sends all that there is to send. One at a time: a call that finds one at work leaves it the rest.</summary>
    private async Task PumpAsync(HollowLink link, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _again = true;
            if (_pumping)
            {
                return;
            }

            _pumping = true;
        }

        try
        {
            while (Next() is { } message)
            {
                await link.Messages.SendAsync(message, cancellationToken);
            }
        }
        catch
        {
            lock (_gate)
            {
                _pumping = false;
            }

            throw;
        }
    }

    private Message? Next()
    {
        lock (_gate)
        {
            while (_again)
            {
                Work();
                if (_sync.TryTake(NowMs(), UnixMs(), out var message))
                {
                    return message;
                }

                _again = false;
            }

            _pumping = false;
            if (_synced && _outbox.Count == 0)
            {
                _converged.TrySetResult(Stopwatch.GetTimestamp());
            }

            return null;
        }
    }

    private void Work()
    {
        if (_sync.TakeStores(int.MaxValue) is { Count: > 0 } batch)
        {
            foreach (var pending in batch)
            {
                Store(pending.Change);
            }

            _sync.Stored(batch, null, UnixMs());
        }

        foreach (var settlement in _sync.TakeSettled())
        {
            if (_outbox.TryGetValue(settlement.Entry.Message.Key, out var entry) && entry.Seq == settlement.Entry.Seq)
            {
                _outbox.Remove(settlement.Entry.Message.Key);
            }
        }

        foreach (var entry in _outbox.Values.OrderBy(e => e.Message.Lane).ThenBy(e => e.Seq).ToArray())
        {
            if (_sync.RoomOf(entry.Message.Lane) > 0 && !_sync.IsBusy(entry.Message.Key, NowMs()))
            {
                _sync.Offer([entry], NowMs());
            }
        }
    }

    private void Store(ObjectChange change)
    {
        if (change.Object is not { } stored)
        {
            if (_held.TryGetValue(change.Key, out var item) && (change.Uid.Length == 0 || item.Uid == change.Uid))
            {
                _held.Remove(change.Key);
            }

            return;
        }

        var isNew = !_held.ContainsKey(change.Key);
        _held[change.Key] = new InventoryItem(change.Key, stored.Uid, stored.ContentHash);
        fleet.Arrived(change.Key, stored);
        if (change.Key.Type == ResourceTypes.Pod && stored.IsDeleting)
        {
            Put(HollowKubelet.PodEnded(stored));
        }
        else if (change.Key.Type == ResourceTypes.Pod && isNew)
        {
            Put(HollowKubelet.PodRuns(stored, Name));
        }
    }

    private void Put(UpstreamMessage message) => _outbox[message.Key] = new OutboxEntry(++_lastSeq, message);

    private static TaskCompletionSource<long> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static long NowMs() => Environment.TickCount64;

    private static long UnixMs() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}
