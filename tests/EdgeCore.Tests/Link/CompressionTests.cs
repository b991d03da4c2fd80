using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Wire;
using Xunit.Abstractions;

namespace EdgeSync.EdgeCore.Tests.Link;

/// <summary>permessage-deflate on the link's own socket class, over real TCP.</summary>
[Collection(AloneCollection.Name)]
public sealed class CompressionTests(ITestOutputHelper output)
{
    private const int MaxBytes = 1 << 20;

    [Fact]
    public async Task What_may_be_compressed_is_and_arrives_unchanged()
    {
        await using var pair = await PairAsync();
        var sent = Text("default/configmap/c", 100_000);
        var bytes = await pair.CarryAsync(sent);

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"100 KB of repeated text: {bytes} bytes on the wire"));
        Assert.InRange(bytes, 1, 5_000);
    }

    [Theory]
    [InlineData("default/secret/s", 100_000)]
    [InlineData("default/serviceaccounttoken/s", 100_000)]
    [InlineData("default/configmap/short", 100)]
    public async Task Secrets_and_short_messages_are_not_compressed(string resource, int length)
    {
        await using var pair = await PairAsync();

        Assert.True(await pair.CarryAsync(Text(resource, length)) > length);
    }

    [Fact]
    public async Task A_small_frame_that_grows_beyond_the_limit_ends_the_session_before_its_memory_is_taken()
    {
        await using var pair = await PairAsync();
        var message = Text("default/configmap/bomb", 64 * MaxBytes);
        var bomb = pair.Send.SendAsync(message, CancellationToken.None);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var refused = await Assert.ThrowsAsync<ProtocolException>(() => pair.Receive.ReceiveAsync(Deadline));
        Assert.Contains("longer", refused.Message, StringComparison.Ordinal);
        pair.Receive.Abort();
        try
        {
            await bomb;
        }
        catch (Exception e) when (e is WebSocketException or IOException)
        {
            // its receiver has gone
        }

        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 16 * MaxBytes);
    }

    private static CancellationToken Deadline => new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token;

    private static Message Text(string resource, int length) => new()
    {
        Id = "m",
        Operation = Operations.Update,
        Resource = resource,
        Content = Encoding.UTF8.GetBytes($"\"{new string('x', length)}\""),
    };

    private static async Task<Pair> PairAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new TcpClient();
        var accepted = listener.AcceptTcpClientAsync();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        return new Pair(new CountingStream(client.GetStream()), (await accepted).GetStream());
    }

    private sealed class Pair(CountingStream near, Stream far) : IAsyncDisposable
    {
        public MessageSocket Send { get; } = new(Socket(near, isServer: true), MaxBytes, TimeSpan.FromSeconds(10));

        public MessageSocket Receive { get; } = new(Socket(far, isServer: false), MaxBytes, TimeSpan.FromSeconds(10));

        /// <summary>The bytes that the message took on the wire.</summary>
        public async Task<long> CarryAsync(Message message)
        {
            var received = Receive.ReceiveAsync(Deadline);
            await Send.SendAsync(message, Deadline);
            var arrived = (await received)!;
            Assert.True(message.Content.Span.SequenceEqual(arrived.Content.Span));
            return near.Written;
        }

        public async ValueTask DisposeAsync()
        {
            await Send.DisposeAsync();
            await Receive.DisposeAsync();
        }

        private static WebSocket Socket(Stream stream, bool isServer) => WebSocket.CreateFromStream(stream, new WebSocketCreationOptions
        {
            IsServer = isServer,
            DangerousDeflateOptions = new WebSocketDeflateOptions { ClientContextTakeover = false, ServerContextTakeover = false },
        });
    }

    private sealed class CountingStream(Stream inner) : Stream
    {
        private long _written;

        public long Written => Interlocked.Read(ref _written);

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count)
        {
            Interlocked.Add(ref _written, count);
            inner.Write(buffer, offset, count);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Interlocked.Add(ref _written, buffer.Length);
            return inner.WriteAsync(buffer, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
