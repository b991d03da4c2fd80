using System.Globalization;
using System.Text;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;
using Xunit.Abstractions;

namespace EdgeSync.Protocol.Tests.Wire;

/// <summary>
/// Seeded mutations of good documents through everything that reads what a peer sent. Each returns, or throws the one exception
/// that its caller handles; takes no more memory than a multiple of its input; and what was read and written again reads the same.
/// </summary>
public sealed class DecoderFuzzTests(ITestOutputHelper output)
{
    /// <summary>What one input may allocate: for documents of many short strings, and what a parser needs at least.</summary>
    private const long BytesPerByte = 256;
    private const long BytesAtLeast = 64 * 1024;

    private static readonly byte[][] s_corpus =
    [
        .. new[]
        {
            """{"header":{"msg_id":"a","parent_msg_id":"b","timestamp":1763690000000,"resourceversion":"7","sync":true},"route":{"source":"edged","group":"meta","operation":"patch","resource":"default/podpatch/web-1"},"content":"{\"metadata\":{\"uid\":\"u\"}}"}""",
            """{"header":{"msg_id":"a","timestamp":1},"route":{"source":"edgecontroller","group":"resource","operation":"insert","resource":"default/configmap/c"},"content":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default","uid":"u","resourceVersion":"5","deletionTimestamp":null,"generation":2},"data":{"k":"v \u00fc \ud83d\ude00"}}}""",
            """{"header":{"msg_id":"r","parent_msg_id":"m","timestamp":1},"route":{"operation":"response"},"content":{"Object":null,"Err":{"ErrStatus":{"code":404,"reason":"NotFound"}}}}""",
            """{"header":{"msg_id":"i","timestamp":1},"route":{"operation":"inventory","resource":"inventory"},"content":{"types":["pod"],"objects":[["default/pod/web-1","UID","0123456789abcdef"]]}}""",
            """{"header":{"msg_id":"i","timestamp":1},"route":{"operation":"inventory"},"content":{"digest":[["pod",12,"0123456789abcdef0123456789abcdef"],["configmap",3,"00"]]}}""",
            """{"header":{"msg_id":"k","timestamp":1},"route":{"operation":"keepalive"},"content":{"waiting":3,"dropped":{"events":0,"routed":12}}}""",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    private static readonly string[] s_splices =
    [
        "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "-1", "1e999", "99999999999999999999", "\"\\ud800\"", "\\u0000", "\"header\":{}",
        "\"content\":", "\u00ff", "[[[[[[[[", "{\"a\":{\"a\":{\"a\":", "//", "/", "\"metadata\":[]", "\"metadata\":{\"uid\":7}", "  ", "\r\n", "\0",
    ];

    [Fact]
    public void Mutated_documents_are_read_or_refused() => Run(seed: 1, inputs: 20_000);

    [Fact]
    [Trait("Category", "Long")]
    public void Millions_of_mutated_documents_are_read_or_refused() => Run(seed: 2, inputs: 3_000_000);

    private void Run(int seed, int inputs)
    {
        var random = new Random(seed);
        var read = 0;
        foreach (var document in s_corpus)
        {
            Assert.True(Check(document)); // and everything is compiled before memory is counted
        }

        for (var i = 0; i < inputs; i++)
        {
            var input = Mutate(random, s_corpus[random.Next(s_corpus.Length)]);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read += Check(input) ? 1 : 0;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, input {i}: {Convert.ToBase64String(input)}", e);
            }

            var taken = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(taken <= BytesAtLeast + (BytesPerByte * input.Length), $"seed {seed}, input {i} of {input.Length} bytes took {taken}");
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{inputs} inputs, {read} were messages"));
        Assert.InRange(read, inputs / 20, inputs);
    }

    /// <summary>Whether the input is a message.</summary>
    private static bool Check(byte[] input)
    {
        Message message;
        try
        {
            message = MessageCodec.Read(input);
        }
        catch (ProtocolException)
        {
            return false;
        }

        var written = MessageCodec.ToBytes(message);
        Assert.True(written.AsSpan().SequenceEqual(MessageCodec.ToBytes(MessageCodec.Read(written))), "written again it is another message");
        CheckInventory(message);
        CheckObject(message);
        CheckMachines(message);
        return true;
    }

    private static void CheckInventory(Message message)
    {
        try
        {
            var report = Inventory.Read(message.Content);
            var again = Inventory.Read(report.Digest is { } digest ? Inventory.WriteDigest(digest) : Inventory.Write(report.Objects, report.Types));
            Assert.Equal(report.Digest, again.Digest);
            Assert.Equal(report.Digest is null ? report.Objects : [], again.Objects);
        }
        catch (ProtocolException)
        {
            // refused in words
        }
    }

    private static void CheckObject(Message message)
    {
        try
        {
            var parsed = KubeObject.Parse(message.ContentAsJson());
            Assert.Equal(parsed.ContentHash, KubeObject.Parse(parsed.Json).ContentHash);
            if (ObjectKey.TryParse(message.Resource, out var key))
            {
                Assert.Equal(message.Resource, key.ToString());
                Assert.Equal(parsed.Uid, KubeObject.Parse(Tombstone.Write(key, parsed.Uid)).Uid);
            }
        }
        catch (Exception e) when (e is ProtocolException or KubeObjectException)
        {
            // refused in words
        }
    }

    /// <summary>Whatever comes, a state machine refuses it with the exception that ends its session, or bears it.</summary>
    private static void CheckMachines(Message message)
    {
        var agent = new AgentSync(new AgentSyncOptions());
        agent.Connected("m", () => []);
        agent.Offer([new OutboxEntry(1, new UpstreamMessage("k", Lane.Pods, false, "", "", "", "", "{}"u8.ToArray()))], 0);
        while (agent.TryTake(0, 0, out _))
        {
            // what it has to say is on its way, so that the message may be an answer to it
        }

        agent.Receive(message, 0, 0);
        agent.Receive(message with { ParentId = "m2" }, 0, 0);
        var hub = new HubSync(new HubSyncOptions { IdPrefix = "m" });
        hub.Acknowledge(message.ParentId);
        hub.Refuse(message.ParentId, "");
        try
        {
            hub.ReceiveInventory(message);
        }
        catch (ProtocolException)
        {
            // ends the session
        }

        for (var i = 0; i < 10 && hub.TryTake(0, 0, out _); i++)
        {
            // it deletes what it does not want
        }
    }

    private static byte[] Mutate(Random random, byte[] document)
    {
        var bytes = document.ToList();
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(6))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(s_splices[random.Next(s_splices.Length)]));
                    break;
                case 2 when at < bytes.Count:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at));
                    break;
                case 3 when at < bytes.Count:
                    var part = bytes.GetRange(at, Math.Min(random.Next(1, 40), bytes.Count - at));
                    bytes.InsertRange(random.Next(bytes.Count + 1), part);
                    break;
                case 4 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    var other = s_corpus[random.Next(s_corpus.Length)];
                    bytes.InsertRange(at, other.Skip(random.Next(other.Length)).Take(random.Next(40)));
                    break;
            }
        }

        return [.. bytes];
    }
}
