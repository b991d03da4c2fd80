using System.Text;
using EdgeSync.CloudCore.CloudStream.Spdy;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudStream;

public sealed class SpdyTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    // three blocks of one zlib stream with SPDY/3's dictionary, level 9, flushed after each: made with zlib itself
    private static readonly string[] s_blocks =
    [
        "78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff",
        "c22a054ccc29f9a52500000000ffff",
        "02a5550c395009940829cc8bc0f9c6c2c0c20048731641223f139429180d00000000ffff",
    ];

    [Fact]
    public void Header_blocks_of_zlib_with_the_dictionary_are_read_one_after_the_other()
    {
        using var reader = new SpdyHeaderReader();

        Assert.Equal("error", reader.Read(Convert.FromHexString(s_blocks[0]))["streamType"]);
        Assert.Equal("stdout", reader.Read(Convert.FromHexString(s_blocks[1]))["streamtype"]);
        var third = reader.Read(Convert.FromHexString(s_blocks[2]));
        Assert.Equal(("data", "8080", "0"), (third["streamtype"], third["port"], third["requestid"]));
    }

    [Fact]
    public void Header_blocks_read_as_they_were_written()
    {
        using var reader = new SpdyHeaderReader();
        var writer = new SpdyHeaderWriter();
        for (var i = 0; i < 3; i++)
        {
            var read = reader.Read(writer.Write([new("StreamType", $"s{i}"), new("port", "80")]));
            Assert.Equal(($"s{i}", "80"), (read["streamtype"], read["port"]));
        }
    }

    [Fact]
    public void The_dictionary_is_the_one_of_the_standard()
    {
        uint a = 1, b = 0;
        foreach (var value in SpdyDictionary.Bytes)
        {
            a = (a + value) % 65521;
            b = (b + a) % 65521;
        }

        Assert.Equal(0xe3c6a7c2, (b << 16) | a);
    }

    [Fact]
    public void Headers_that_inflate_to_more_than_is_taken_are_refused()
    {
        using var reader = new SpdyHeaderReader();
        var bomb = new MemoryStream();
        using (var deflate = new System.IO.Compression.ZLibStream(bomb, System.IO.Compression.CompressionLevel.SmallestSize, leaveOpen: true))
        {
            deflate.Write(new byte[10 << 20]);
        }

        Assert.Throws<ProtocolException>(() => reader.Read(bomb.ToArray()));
    }

    [Fact]
    public async Task Streams_carry_data_and_their_ends_both_ways_and_pings_are_answered()
    {
        var (near, far) = DuplexPair.Create();
        await using var client = new SpdyConnection(near, isServer: false);
        await using var server = new SpdyConnection(far, isServer: true);
        var id = await client.OpenAsync([new("streamtype", "stdin")], default);
        var sending = client.SendAsync(id, new byte[100_000], isEnd: true, default);

        var opened = (await server.ReadAsync(default).WaitAsync(s_limit))!.Value;
        Assert.Equal((SpdyEventKind.Opened, id, "stdin"), (opened.Kind, opened.StreamId, opened.Headers!["streamtype"]));
        var received = 0;
        SpdyEvent next;
        do
        {
            next = (await server.ReadAsync(default).WaitAsync(s_limit))!.Value;
            received += next.Data.Length;
        }
        while (!next.IsEnd);

        Assert.Equal(100_000, received);
        await sending.WaitAsync(s_limit);
        await server.AcceptAsync(id, default);
        await server.SendAsync(id, "answer"u8.ToArray(), isEnd: false, default);
        await server.GoAwayAsync(default);
        var answer = (await client.ReadAsync(default).WaitAsync(s_limit))!.Value;
        Assert.Equal((SpdyEventKind.Data, id, "answer"), (answer.Kind, answer.StreamId, Encoding.ASCII.GetString(answer.Data.Span)));
    }

    [Fact]
    public async Task Mutated_connections_end_with_the_exceptions_that_are_handled()
    {
        var random = new Random(1);
        var transcript = Convert.FromHexString("8003000100000028" + "00000001000000000000" + s_blocks[0] + "0000000101000003616263" + "800300060000000400000001" + "80030003000000080000000100000005");
        for (var i = 0; i < 5000; i++)
        {
            var input = transcript.ToArray();
            for (var edits = random.Next(4); edits >= 0; edits--)
            {
                input[random.Next(input.Length)] = (byte)random.Next(256);
            }

            await using var connection = new SpdyConnection(new Transcript(input[..random.Next(input.Length + 1)]), isServer: true);
            try
            {
                while (await connection.ReadAsync(default) is not null)
                {
                    // on to the next
                }
            }
            catch (Exception e) when (e is ProtocolException or IOException)
            {
                // what its users handle
            }
            catch (Exception e)
            {
                Assert.Fail($"seed 1, input {i}, {Convert.ToHexString(input)}: {e}");
            }
        }
    }

    /// <summary>Bytes to read; what is written goes nowhere.</summary>
    private sealed class Transcript(byte[] bytes) : MemoryStream(bytes, writable: false)
    {
        public override bool CanWrite => true;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;
    }
}
