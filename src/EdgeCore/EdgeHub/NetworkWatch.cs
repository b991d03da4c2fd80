using System.Net.NetworkInformation;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>Ends a pause early when the box's network changes: a link that is back is used at once.</summary>
internal sealed class NetworkWatch : IDisposable
{
    private readonly SemaphoreSlim _changed = new(0, 1);

    public NetworkWatch() => NetworkChange.NetworkAddressChanged += OnChanged;

    /// <summary>Waits for <paramref name="pause"/>, or less where an address changes.</summary>
    public Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken) => _changed.WaitAsync(pause, cancellationToken);

    public void Dispose()
    {
        NetworkChange.NetworkAddressChanged -= OnChanged;
        _changed.Dispose();
    }

    private void OnChanged(object? sender, EventArgs e)
    {
        try
        {
            if (_changed.CurrentCount == 0)
            {
                _changed.Release();
            }
        }
        catch (Exception error) when (error is SemaphoreFullException or ObjectDisposedException)
        {
            // another change at the same moment, or the agent stops
        }
    }
}
