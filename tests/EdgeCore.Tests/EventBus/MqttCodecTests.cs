using System.Buffers;
using EdgeSync.EdgeCore.EventBus.Mqtt;

namespace EdgeSync.EdgeCore.Tests.EventBus;

public sealed class MqttCodecTests
{
    private const int Limit = 4096;

    private static readonly MqttOptions s_options = new() { Host = "127.0.0.1", Port = 1, ClientId = "edgesync-edge-1" };

    [Fact]
    public void CONNECT_asks_for_a_persistent_session()
    {
        byte[] expected = [0x10, 27, 0, 4, .. "MQTT"u8, 4, 0, 0, 20, 0, 15, .. "edgesync-edge-1"u8];
        Assert.Equal(expected, Written(o => MqttWriter.WriteConnect(o, s_options)));
    }

    [Fact]
    public void CONNECT_carries_user_name_and_password()
    {
        byte[] expected = [0x10, 34, 0, 4, .. "MQTT"u8, 4, 0xc0, 0, 20, 0, 15, .. "edgesync-edge-1"u8, 0, 1, .. "u"u8, 0, 2, .. "pw"u8];
        Assert.Equal(expected, Written(o => MqttWriter.WriteConnect(o, s_options with { Username = "u", Password = "pw" })));
    }

    [Fact]
    public void SUBSCRIBE_PUBLISH_PUBACK_and_PINGREQ_have_their_bytes()
    {
        byte[] subscribe = [0x82, 10, 0, 7, 0, 1, .. "a"u8, 1, 0, 1, .. "b"u8, 1];
        Assert.Equal(subscribe, Written(o => MqttWriter.WriteSubscribe(o, 7, ["a", "b"])));
        byte[] publish = [0x32, 7, 0, 1, .. "t"u8, 1, 2, .. "xy"u8];
        Assert.Equal(publish, Written(o => MqttWriter.WritePublish(o, 0x102, false, "t", "xy"u8)));
        publish[0] = 0x3a;
        Assert.Equal(publish, Written(o => MqttWriter.WritePublish(o, 0x102, true, "t", "xy"u8)));
        Assert.Equal([0x40, 2, 1, 2], Written(o => MqttWriter.WritePubAck(o, 0x102)));
        Assert.Equal([0xc0, 0], Written(o => MqttWriter.WriteEmpty(o, MqttPacketType.PingReq)));
    }

    [Fact]
    public void What_was_written_is_read_however_it_is_cut()
    {
        var stream = new List<byte>();
        var random = new Random(1);
        var expected = new List<(string Topic, int Length)>();
        for (var i = 1; i <= 200; i++)
        {
            var payload = new byte[random.Next(5) == 0 ? random.Next(3 * Limit) : random.Next(200)];
            expected.Add(($"topic/{i}", payload.Length));
            stream.AddRange(Written(o => MqttWriter.WritePublish(o, (ushort)i, i % 2 == 0, $"topic/{i}", payload)));
            stream.AddRange(Written(o => MqttWriter.WritePubAck(o, (ushort)i)));
        }

        for (var seed = 0; seed < 50; seed++)
        {
            var packets = ReadInPieces([.. stream], new Random(seed));
            var messages = packets.Where(p => p.Message is not null).Select(p => p.Message!).ToList();
            Assert.Equal(expected, messages.Select(m => (m.Topic, m.TooLong + m.Payload.Length)));
            Assert.All(messages, m => Assert.True(m.Payload.Length <= Limit));
            Assert.Equal(200, packets.Count(p => p.Type == MqttPacketType.PubAck));
            Assert.True(messages[1].Again && !messages[0].Again);
        }
    }

    [Theory]
    [InlineData("30ffffffffff", "more than four bytes")]
    [InlineData("34050001740001", "QoS 2")]
    [InlineData("3000", "too short for a topic")]
    [InlineData("30020000", "topic does not fit")]
    [InlineData("3003000574", "topic does not fit")]
    [InlineData("32050001740000", "packet id 0")]
    [InlineData("30030001ff", "not UTF-8")]
    [InlineData("3003000123", "wildcard")]
    [InlineData("40020000", "without a packet id")]
    [InlineData("400101", "without a packet id")]
    [InlineData("90808008", "type 9 with 131072 bytes")]
    public void Malformed_packets_are_named(string hex, string words)
    {
        var parser = new IncomingParser(Limit);
        var error = Assert.Throws<MqttProtocolException>(() => parser.Parse(new ReadOnlySequence<byte>(Convert.FromHexString(hex)), []));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_bytes_come_in_they_are_packets_or_a_protocol_error_and_never_held_beyond_the_limit()
    {
        var sample = new[]
        {
            Written(o => MqttWriter.WritePublish(o, 5, false, "$hw/events/device/a/b/twin/update", "{}"u8)),
            Written(o => MqttWriter.WritePubAck(o, 5)),
            Written(o => MqttWriter.WritePublish(o, 6, false, "x", new byte[2 * Limit])),
            [0x90, 3, 0, 1, 1],
        }.SelectMany(b => b).ToArray();
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var bytes = random.Next(2) == 0 ? sample.ToArray() : new byte[random.Next(64)];
            if (bytes.Length != sample.Length)
            {
                random.NextBytes(bytes);
            }

            for (var flips = random.Next(4); flips > 0 && bytes.Length > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                ReadInPieces(bytes, random);
            }
            catch (MqttProtocolException e)
            {
                Assert.NotEmpty(e.Message);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }

    /// <summary>Feeds the parser as a pipe does: what it did not use comes again, with more.</summary>
    private static List<IncomingPacket> ReadInPieces(byte[] stream, Random random)
    {
        var parser = new IncomingParser(Limit);
        var packets = new List<IncomingPacket>();
        var held = Array.Empty<byte>();
        for (var at = 0; at < stream.Length;)
        {
            var length = Math.Min(stream.Length - at, random.Next(1, 2000));
            var buffer = new ReadOnlySequence<byte>([.. held, .. stream.AsSpan(at, length)]);
            held = buffer.Slice(parser.Parse(buffer, packets)).ToArray();

            // a packet may be held up to the limit and its header; a topic may be as long as its length field allows
            Assert.True(held.Length <= Math.Max(Limit, ushort.MaxValue + 4) + 5, $"{held.Length} bytes held");
            at += length;
        }

        return packets;
    }

    private static byte[] Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }
}
