using System.Net.NetworkInformation;
using System.Net.Sockets;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>
/// Ends a pause early, and a try that hangs, when the box's network comes back: a carrier (the cable is in again), an address or a
/// route. Where the kernel tells no links, changes of addresses alone count; where it tells nothing, pauses run their course. Used by
/// the one loop that dials; disposed with it.
/// </summary>
internal sealed partial class NetworkWatch : IAsyncDisposable
{
    // a carrier that flaps, or the interfaces of pods that come and go, must not take the waits away: so many early ends at once,
    // and one more each while
    private const int MostEarly = 5;
    private static readonly TimeSpan s_oneMoreEach = TimeSpan.FromSeconds(15);

    // what changed longer ago than it takes to find a link dead was there when that link worked
    private static readonly TimeSpan s_news = TimeSpan.FromSeconds(45);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WakeSignal _changed = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _watching;
    private long _changedAt;
    private double _early = MostEarly; // the dialling loop's, as the next
    private long _countedAt;

    /// <summary>Begins to watch the network that the calling thread is in.</summary>
    public NetworkWatch(TimeProvider time, ILogger logger)
    {
        _time = time;
        _logger = logger;
        _countedAt = time.GetTimestamp();
        _watching = Open() is { } links ? WatchAsync(links) : Task.CompletedTask;
    }

    /// <summary>Waits for <paramref name="pause"/>, or less where the network comes back; true for that.</summary>
    public async Task<bool> PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (pause - _time.GetElapsedTime(began) is var left && left > TimeSpan.Zero && await _changed.WaitAsync(left, cancellationToken))
        {
            if (TakeEarly())
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Tries, and where the network comes back meanwhile, gives the try up for a new one: what was sent before is lost.</summary>
    public async Task<T> TryAsync<T>(Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        // this try is newer than any change until now
        await _changed.WaitAsync(TimeSpan.Zero, cancellationToken);
        while (true)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var trying = attempt(ending.Token);
            var change = ChangeAsync(ending.Token);
            var isAgain = await Task.WhenAny(trying, change) == change && !cancellationToken.IsCancellationRequested;
            await ending.CancelAsync();
            await change.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                return await trying;
            }
            catch (Exception) when (isAgain && !cancellationToken.IsCancellationRequested)
            {
                // given up
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        await _ending.CancelAsync();
        await _watching;
        _ending.Dispose();
    }

    private async Task ChangeAsync(CancellationToken cancellationToken)
    {
        do
        {
            await _changed.WaitAsync(cancellationToken);
        }
        while (!TakeEarly());
    }

    private bool TakeEarly()
    {
        var now = _time.GetTimestamp();
        _early = Math.Min(MostEarly, _early + (_time.GetElapsedTime(_countedAt, now) / s_oneMoreEach));
        _countedAt = now;
        if (_time.GetElapsedTime(Interlocked.Read(ref _changedAt), now) > s_news || _early < 1)
        {
            return false;
        }

        _early--;
        return true;
    }

    /// <summary>Null where changes of addresses must do.</summary>
    private Socket? Open()
    {
        try
        {
            return NetlinkSocket.Open();
        }
        catch (Exception e) when (e is SocketException or NotSupportedException)
        {
            WatchAddresses(e.Message);
            return null;
        }
    }

    /// <summary>What is left where there are no news of links; whatever confines this process may refuse that too.</summary>
    private void WatchAddresses(string reason)
    {
        try
        {
            NetworkChange.NetworkAddressChanged += OnAddressChanged;
            LogNoLinks(reason);
        }
        catch (NetworkInformationException)
        {
            LogNothing(reason);
        }
    }

    private async Task WatchAsync(Socket links)
    {
        var buffer = new byte[NetlinkSocket.LongestMessage];
        var states = new LinkStates();
        try
        {
            using (links)
            {
                while (true)
                {
                    if (await ReceiveAsync(links, buffer) is not { } length || states.Take(buffer.AsSpan(0, length)))
                    {
                        OnChanged();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // disposed
        }
        catch (SocketException e)
        {
            WatchAddresses(e.Message);
        }
    }

    /// <summary>Null where more happened than the kernel keeps for a reader: then anything may have changed.</summary>
    private async ValueTask<int?> ReceiveAsync(Socket links, byte[] buffer)
    {
        try
        {
            return await links.ReceiveAsync(buffer, SocketFlags.None, _ending.Token);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            return null;
        }
    }

    private void OnAddressChanged(object? sender, EventArgs e) => OnChanged();

    private void OnChanged()
    {
        Interlocked.Exchange(ref _changedAt, _time.GetTimestamp());
        _changed.Set();
    }

    [LoggerMessage(LogLevel.Information, "The kernel tells no changes of links ({Reason}): a cable that is plugged in again is noticed by a new address only")]
    private partial void LogNoLinks(string reason);

    [LoggerMessage(LogLevel.Information, "The kernel tells no changes of links and addresses ({Reason}): the wait between two tries runs its course")]
    private partial void LogNothing(string reason);
}
