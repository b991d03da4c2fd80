using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Devices;

namespace EdgeSync.Protocol.Tests.Devices;

public sealed class DeviceCodecTests
{
    [Fact]
    public void Messages_are_written_as_KubeEdge_writes_them()
    {
        var twin = new TwinMessage
        {
            EventId = "e1",
            Timestamp = 5,
            Twin = new Dictionary<string, MsgTwin?>
            {
                ["t"] = new()
                {
                    Expected = new TwinValue { Value = "22", Metadata = new ValueMetadata { Timestamp = 1 } },
                    Actual = new TwinValue { Value = "21 °C <>", Metadata = new ValueMetadata { Timestamp = 2 } },
                    Optional = true,
                    Metadata = new TypeMetadata { Type = "string" },
                    ActualVersion = new TwinVersion(0, 3),
                },
                ["gone"] = null,
            },
        };
        Assert.Equal(
            """{"event_id":"e1","timestamp":5,"twin":{"t":{"expected":{"value":"22","metadata":{"timestamp":1}},"actual":{"value":"21 °C <>","metadata":{"timestamp":2}},"optional":true,"metadata":{"type":"string"},"actual_version":{"cloud":0,"edge":3}},"gone":null}}""",
            JsonSerializer.Serialize(twin, DeviceCodec.Json.TwinMessage));
        Assert.Equal(
            """{"event_id":"","timestamp":0,"code":404,"reason":"no"}""",
            JsonSerializer.Serialize(new Result { Code = 404, Reason = "no" }, DeviceCodec.Json.Result));
        Assert.Equal(
            """{"event_id":"","timestamp":0,"device":{"name":"d","state":"offline","lastOnlineTime":""}}""",
            JsonSerializer.Serialize(new StateReport { Device = new DeviceState { Name = "d", State = "offline" } }, DeviceCodec.Json.StateReport));
        Assert.Equal(
            """{"event_id":"","timestamp":0,"added_devices":null,"removed_devices":[{"id":"a/b","last_online":"x"}]}""",
            JsonSerializer.Serialize(new MembershipUpdate { RemovedDevices = [new MemberDevice { Id = "a/b", LastOnline = "x" }] }, DeviceCodec.Json.MembershipUpdate));
    }

    [Fact]
    public void Names_in_any_case_numbers_for_text_and_unknown_members_are_read()
    {
        var read = Read("""{"Event_ID":7,"TimeStamp":"12","extra":[1,{"x":2}],"twin":{"p":{"ACTUAL":{"Value":true,"metadata":{"timestamp":"9"}}},"q":null}}""")!;
        Assert.Equal(("7", 12L), (read.EventId, read.Timestamp));
        Assert.Equal(("true", 9L), (read.Twin!["p"]!.Actual!.Value, read.Twin["p"]!.Actual!.Metadata!.Timestamp));
        Assert.Null(read.Twin["q"]);
    }

    [Fact]
    public void Whatever_bytes_come_in_reading_gives_a_message_or_a_reason()
    {
        var sample = """{"event_id":"e","timestamp":1,"twin":{"p":{"expected":{"value":"1"},"actual":{"value":"ü","metadata":{"timestamp":1}},"optional":true,"metadata":{"type":"int"},"actual_version":{"cloud":1,"edge":2}}}}"""u8.ToArray();
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var bytes = sample.ToArray();
            for (var flips = random.Next(1, 6); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var input = bytes.AsSpan(0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length);
            var message = DeviceCodec.TryRead(input, DeviceCodec.Json.TwinMessage, out var reason);
            Assert.True(message is not null || reason.Length > 0, $"seed {seed}: neither message nor reason for {Encoding.UTF8.GetString(input)}");
        }
    }

    private static TwinMessage? Read(string json) => DeviceCodec.TryRead(Encoding.UTF8.GetBytes(json), DeviceCodec.Json.TwinMessage, out _);
}
