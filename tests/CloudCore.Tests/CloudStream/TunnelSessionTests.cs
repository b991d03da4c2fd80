using System.Text;
using EdgeSync.Hosting.Tunnel;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudStream;

/// <summary>Two ends of a tunnel over a connection in memory.</summary>
public sealed class TunnelSessionTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private static readonly TunnelRequest s_request = new("GET", "/x", "", []);

    [Fact]
    public async Task A_stream_carries_bytes_that_are_no_text_both_ways_and_ends_with_its_reason()
    {
        var sent = Enumerable.Range(0, 1_000_000).Select(i => (byte)(i * 7)).ToArray();
        await using var tunnel = new Pair(extended: true, async (_, request, stream, token) =>
        {
            Assert.Equal("/x", request.Path);
            await stream.WriteAsync(await ReadAsync(stream, sent.Length, token), token);
            throw new IOException("as it was to be");
        });
        await using var stream = await tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request, default);

        var writing = stream.WriteAsync(sent).AsTask();
        Assert.Equal(sent, await ReadAsync(stream, sent.Length, default));
        await writing.WaitAsync(s_limit);
        var end = await Assert.ThrowsAsync<IOException>(() => ReadAsync(stream, 1, default));
        Assert.Equal("as it was to be", end.Message);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_holds_up_its_own_stream_alone()
    {
        var written = 0;
        await using var tunnel = new Pair(extended: true, async (_, request, stream, token) =>
        {
            if (request.Path == "/endless")
            {
                var piece = new byte[1024];
                while (true)
                {
                    await stream.WriteAsync(piece, token);
                    Interlocked.Add(ref written, piece.Length);
                }
            }

            await stream.WriteAsync("quick"u8.ToArray(), token);
        });
        await using var stalled = await tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request with { Path = "/endless" }, default);
        await Eventually.HoldsAsync("the window is used up", () => Task.FromResult(Volatile.Read(ref written) == TunnelStream.WindowBytes));

        await using var other = await tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request, default);
        Assert.Equal("quick", Encoding.ASCII.GetString(await ReadAsync(other, 5, default)));
        Assert.Equal(0, await other.ReadAsync(new byte[1]));
        Assert.Equal(TunnelStream.WindowBytes, Volatile.Read(ref written));

        // and goes on where it was when it is read again
        await ReadAsync(stalled, 2 * TunnelStream.WindowBytes, default);
    }

    [Fact]
    public async Task A_cut_ends_every_stream_with_an_error_on_both_sides()
    {
        var ended = new TaskCompletionSource();
        await using var tunnel = new Pair(extended: true, async (_, _, stream, token) =>
        {
            try
            {
                await stream.WriteAsync("begun"u8.ToArray(), token);
                await ReadAsync(stream, 1, token);
            }
            finally
            {
                ended.SetResult();
            }
        });
        await using var stream = await tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request, default);
        await ReadAsync(stream, 5, default);

        tunnel.Cloud.End("the link was cut");

        var end = await Assert.ThrowsAsync<IOException>(() => ReadAsync(stream, 1, default));
        Assert.Contains("the link was cut", end.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(async () => await stream.WriteAsync(new byte[1]));
        await ended.Task.WaitAsync(s_limit);
        await Assert.ThrowsAsync<IOException>(() => tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request, default));
    }

    [Fact]
    public async Task Whoever_asked_may_go_and_the_node_hears_of_it()
    {
        var ended = new TaskCompletionSource();
        await using var tunnel = new Pair(extended: false, async (_, _, stream, _) =>
        {
            await using var registration = stream.Ended.Register(() => ended.TrySetResult());
            await ended.Task;
        });
        var stream = await tunnel.Cloud.OpenAsync(TunnelMessageType.LogsConnect, s_request, default);

        await stream.CloseAsync("");

        await ended.Task.WaitAsync(s_limit);
        await Eventually.HoldsAsync("both forget it", () => Task.FromResult(tunnel.Edge.StreamCount == 0 && tunnel.Cloud.StreamCount == 0));
    }

    [Fact]
    public async Task More_streams_than_a_tunnel_has_are_refused_one_by_one()
    {
        await using var tunnel = new Pair(extended: true, (_, _, stream, token) => Task.Delay(Timeout.Infinite, CancellationTokenSource.CreateLinkedTokenSource(token, stream.Ended).Token));
        for (var i = 0; i < TunnelSession.MaxStreams; i++)
        {
            await tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request, default);
        }

        await Assert.ThrowsAsync<IOException>(() => tunnel.Cloud.OpenAsync(TunnelMessageType.ExecConnect, s_request, default));
    }

    [Theory]
    [InlineData("81")] // half a frame, and the end
    [InlineData("8181000000ff")] // reads as a message without a head
    [InlineData("0181000000")] // a piece
    [InlineData("c18100000000")] // reserved bits
    [InlineData("8180")] // half a head
    [InlineData("810100")] // not masked
    [InlineData("81ff00000000ffffffff00000000")] // four gigabytes
    public async Task Bytes_that_are_no_tunnel_end_it_and_nothing_else(string hex)
    {
        var (near, far) = DuplexPair.Create();
        await using var session = new TunnelSession(
            new RawWebSocket(near, isClient: false, TunnelSession.MaxMessageBytes, s_limit, TimeProvider.System), isExtended: true, serve: null, TimeProvider.System);
        var running = session.RunAsync(default);
        await far.WriteAsync(Convert.FromHexString(hex));
        await far.FlushAsync();
        await far.DisposeAsync();

        Assert.NotEmpty(await running.WaitAsync(s_limit));
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int count, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_limit);
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, limit.Token);
        return bytes;
    }

    private sealed class Pair : IAsyncDisposable
    {
        private readonly Task<string>[] _running;
        private readonly CancellationTokenSource _ending = new();

        public Pair(bool extended, ServeTunnelRequest serve)
        {
            var (cloud, edge) = DuplexPair.Create();
            Cloud = new TunnelSession(Socket(cloud, isClient: false), extended, serve: null, TimeProvider.System);
            Edge = new TunnelSession(Socket(edge, isClient: true), extended, serve, TimeProvider.System);
            _running = [Cloud.RunAsync(_ending.Token), Edge.RunAsync(_ending.Token)];
        }

        public TunnelSession Cloud { get; }

        public TunnelSession Edge { get; }

        public async ValueTask DisposeAsync()
        {
            await _ending.CancelAsync();
            await Task.WhenAll(_running).WaitAsync(s_limit);
            _ending.Dispose();
        }

        private static RawWebSocket Socket(Stream stream, bool isClient) =>
            new(stream, isClient, TunnelSession.MaxMessageBytes, s_limit, TimeProvider.System);
    }
}
