namespace EdgeSync.CloudCore.CloudStream.RemoteCommand;

/// <summary>The channels of exec and attach, numbered as WebSocket clients number them.</summary>
internal enum RemoteChannel
{
    Stdin = 0,
    Stdout = 1,
    Stderr = 2,

    /// <summary>One metav1.Status at the end: success, the exit code, or what went wrong.</summary>
    Error = 3,

    /// <summary>Sizes of the terminal, JSON.</summary>
    Resize = 4,
}

/// <summary>Which channels a request has.</summary>
internal sealed record RemoteChannels(bool Stdin, bool Stdout, bool Stderr, bool Tty)
{
    /// <summary>In the order in which clients open them.</summary>
    public IEnumerable<RemoteChannel> All =>
    [
        RemoteChannel.Error,
        .. Stdin ? (RemoteChannel[])[RemoteChannel.Stdin] : [],
        .. Stdout ? (RemoteChannel[])[RemoteChannel.Stdout] : [],
        .. Stderr ? (RemoteChannel[])[RemoteChannel.Stderr] : [],
        .. Tty ? (RemoteChannel[])[RemoteChannel.Resize] : [],
    ];

    /// <summary>The name of a channel in SPDY's header <c>streamType</c>.</summary>
    public static string NameOf(RemoteChannel channel) => channel.ToString().ToLowerInvariant();
}

/// <summary>What a client sent.</summary>
/// <param name="Channel">Where.</param>
/// <param name="Data">Good until the next read; perhaps empty.</param>
/// <param name="IsEnd">Whether the channel ends with it.</param>
internal readonly record struct RemoteInput(RemoteChannel Channel, ReadOnlyMemory<byte> Data, bool IsEnd);

/// <summary>The caller's side of an exec or attach, in whichever protocol it came: SPDY/3.1 or WebSocket.</summary>
internal interface IRemoteClient : IAsyncDisposable
{
    /// <summary>What comes next; null where the client has gone.</summary>
    Task<RemoteInput?> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Sends bytes.</summary>
    Task WriteAsync(RemoteChannel channel, ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Says that nothing more comes on any channel, and closes.</summary>
    Task EndAsync(CancellationToken cancellationToken);
}
