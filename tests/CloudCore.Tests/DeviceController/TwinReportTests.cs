using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.DeviceController;

public sealed class TwinReportTests
{
    [Fact]
    public void Of_one_origin_only_a_higher_sequence_is_written()
    {
        var device = Reported(new Device(), "a", 5, "21");
        Assert.Null(Merge(device, "a", 5, "21"));
        Assert.Null(Merge(device, "a", 4, "20"));
        Assert.Equal("22", Value(Reported(device, "a", 6, "22")));
    }

    [Fact]
    public void A_report_of_another_origin_is_written_whatever_it_counts()
    {
        var device = Reported(Reported(new Device(), "a", 9, "21"), "b", 3, "22");
        Assert.Equal("22", Value(device));
        Assert.Null(Merge(device, "b", 3, "22"));
    }

    [Fact]
    public void An_agent_without_origins_is_taken_by_its_sequences()
    {
        var device = Reported(new Device(), "", 5, "21");
        Assert.Null(Merge(device, "", 5, "other"));
        Assert.Equal("22", Value(Reported(device, "", 6, "22")));
    }

    [Fact]
    public void A_value_that_the_API_has_had_does_not_replace_what_another_node_has_said_since()
    {
        var device = Reported(Reported(new Device(), "b", 8, "20"), "a", 9, "21");
        device = Applied(device, Merge(device, "b", 9, "20", expected: "30", known: true));
        Assert.Equal(("21", "30"), (Value(device), Twin(device).ObservedDesired!.Value));
        Assert.Null(Merge(device, "b", 9, "20", expected: "30", known: true));
        Assert.Equal("22", Value(Reported(device, "b", 10, "22")));
    }

    [Fact]
    public void A_report_that_was_here_before_another_nodes_is_not_taken_again_by_a_node_that_never_heard_so()
    {
        var device = Reported(Reported(Reported(new Device(), "a", 3, "20"), "b", 7, "21"), "c", 1, "22");
        Assert.Null(Merge(device, "a", 3, "20"));
        Assert.Null(Merge(device, "b", 7, "21"));
        Assert.Equal("b:7 a:3", Twin(device).Reported!.Metadata!["before"]);

        device = Reported(device, "a", 4, "23");
        Assert.Equal(("23", "c:1 b:7"), (Value(device), Twin(device).Reported!.Metadata!["before"]));
        Assert.Null(Merge(device, "a", 4, "23"));
    }

    [Fact]
    public void Of_the_origins_before_only_the_last_eight_are_remembered()
    {
        var device = new Device();
        for (var i = 0; i < 12; i++)
        {
            device = Reported(device, $"o{i}", 1, $"{i}");
        }

        Assert.Equal("o10:1 o9:1 o8:1 o7:1 o6:1 o5:1 o4:1 o3:1", Twin(device).Reported!.Metadata!["before"]);
    }

    [Fact]
    public void Each_desired_value_is_observed_where_the_device_has_not_reported_yet()
    {
        var device = new Device();
        foreach (var (sequence, desired) in new[] { (1, "20"), (2, "30") })
        {
            device = Applied(device, Merge(device, "a", sequence, actual: null, desired));
            Assert.Equal(desired, Twin(device).ObservedDesired!.Value);
        }
    }

    [Fact]
    public void A_deleted_property_has_no_reported_value()
    {
        var device = Reported(new Device(), "a", 5, "21");
        Assert.Null(Twin(Applied(device, Merge(device, "a", 6, actual: null, type: "deleted"))).Reported);
    }

    private static Device Reported(Device device, string origin, int sequence, string value) =>
        Applied(device, Merge(device, origin, sequence, value));

    private static string? Value(Device device) => Twin(device).Reported?.Value;

    private static DeviceTwinStatus Twin(Device device) => Assert.Single(device.Status!.Twins!);

    private static JsonObject? Merge(
        Device device, string origin, int sequence, string? actual, string? expected = null, string type = "float", bool? known = null) =>
        TwinReport.Merge(
            device with { Spec = new DeviceSpec { Properties = [new DeviceProperty { Name = "temperature" }] } },
            new JsonObject
            {
                ["temperature"] = new JsonObject
                {
                    ["actual"] = actual is null ? null : new JsonObject { ["value"] = actual },
                    ["expected"] = expected is null ? null : new JsonObject { ["value"] = expected },
                    ["metadata"] = new JsonObject { ["type"] = type },
                    ["actual_version"] = new JsonObject { ["cloud"] = 0L, ["edge"] = (long)sequence },
                    ["actual_known"] = known,
                },
            },
            origin);

    private static Device Applied(Device device, JsonObject? status)
    {
        Assert.NotNull(status);
        return device with { Status = status.Deserialize(KubernetesJson.Default.DeviceStatus) };
    }
}
