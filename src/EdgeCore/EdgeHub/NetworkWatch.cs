using System.Net.NetworkInformation;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>Ends a pause early when the box's network changes: a link that is back is used at once.</summary>
internal sealed class NetworkWatch : IDisposable
{
    private readonly WakeSignal _changed = new();

    public NetworkWatch() => NetworkChange.NetworkAddressChanged += OnChanged;

    /// <summary>Waits for <paramref name="pause"/>, or less where an address changes.</summary>
    public Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken) => _changed.WaitAsync(pause, cancellationToken);

    public void Dispose() => NetworkChange.NetworkAddressChanged -= OnChanged;

    private void OnChanged(object? sender, EventArgs e) => _changed.Set();
}
