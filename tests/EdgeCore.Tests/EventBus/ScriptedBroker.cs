using System.Buffers;
using System.Net;
using System.Net.Sockets;
using EdgeSync.EdgeCore.EventBus.Mqtt;

namespace EdgeSync.EdgeCore.Tests.EventBus;

/// <summary>A broker that says what the test wants, for what a real one never says.</summary>
internal sealed class ScriptedBroker : IDisposable
{
    public static readonly byte[] Accepted = [0x20, 2, 0, 0];
    public static readonly byte[] AcceptedWithSession = [0x20, 2, 1, 0];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public ScriptedBroker() => _listener.Start();

    public MqttOptions Options => new()
    {
        Host = "127.0.0.1",
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
        ClientId = "edgesync-test",
        MinBackoff = TimeSpan.FromMilliseconds(10),
    };

    /// <summary>Waits for a client and its CONNECT.</summary>
    public async Task<Peer> AcceptAsync(params byte[][] answers)
    {
        var peer = new Peer(await _listener.AcceptTcpClientAsync().WaitAsync(TestKit.Eventually.DefaultDeadline));
        Assert.Equal(MqttPacketType.Connect, (await peer.ReadAsync()).Type);
        foreach (var answer in answers)
        {
            await peer.SendAsync(answer);
        }

        return peer;
    }

    public void Dispose() => _listener.Dispose();

    public static byte[] Publish(ushort id, string topic, string payload, bool again = false)
    {
        var output = new ArrayBufferWriter<byte>();
        MqttWriter.WritePublish(output, id, again, topic, System.Text.Encoding.UTF8.GetBytes(payload));
        return output.WrittenSpan.ToArray();
    }

    internal sealed class Peer(TcpClient client) : IDisposable
    {
        public async Task SendAsync(byte[] bytes) => await client.GetStream().WriteAsync(bytes);

        /// <summary>One packet of the client.</summary>
        public async Task<(MqttPacketType Type, byte[] Body)> ReadAsync()
        {
            var stream = client.GetStream();
            using var timeout = new CancellationTokenSource(TestKit.Eventually.DefaultDeadline);
            var head = new byte[5];
            for (var length = 1; ; length++)
            {
                await stream.ReadExactlyAsync(head.AsMemory(length - 1, 1), timeout.Token);
                if (MqttReader.TryReadHeader(new ReadOnlySequence<byte>(head, 0, length), out var header))
                {
                    var body = new byte[header.Length];
                    await stream.ReadExactlyAsync(body, timeout.Token);
                    return (header.Type, body);
                }
            }
        }

        /// <summary>The client's next packet of that type.</summary>
        public async Task<byte[]> ReadAsync(MqttPacketType type)
        {
            while (true)
            {
                var (read, body) = await ReadAsync();
                if (read == type)
                {
                    return body;
                }
            }
        }

        /// <summary>Until the client closes the connection.</summary>
        public async Task ClosedAsync()
        {
            var buffer = new byte[1024];
            using var timeout = new CancellationTokenSource(TestKit.Eventually.DefaultDeadline);
            try
            {
                while (await client.GetStream().ReadAsync(buffer, timeout.Token) > 0)
                {
                    // what the client still had to say
                }
            }
            catch (IOException)
            {
                // a reset is an end too
            }
        }

        public void Dispose() => client.Dispose();
    }
}
