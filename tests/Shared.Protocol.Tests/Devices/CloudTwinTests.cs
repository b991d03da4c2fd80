using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Protocol.Tests.Devices;

public sealed class CloudTwinTests
{
    private const long Now = 1_767_225_600_000;

    [Fact]
    public void Reported_values_in_the_cloud_come_back_with_their_sequence_after_the_database_was_lost()
    {
        var document = CloudTwin.Begin(Device(status: Status("temperature", "21.5", "17")), null, knownOther: false);
        var entry = document.Properties["temperature"];
        Assert.Equal(new TwinSide("21.5", 123, new TwinVersion(0, 17)), entry.Actual);
        Assert.Equal(TwinTypes.Number, entry.Type);
        var next = TwinRules.Update(document, new Dictionary<string, MsgTwin?> { ["temperature"] = new() { Actual = new TwinValue { Value = "22" } } }, Now);
        Assert.Equal(18, next.Document.Properties["temperature"].Actual.Version.Edge);
    }

    [Fact]
    public void A_value_that_the_cloud_has_had_is_marked_until_the_device_says_another()
    {
        var device = Device(("temperature", "30")) with { Status = Status("temperature", "21.5", "17") };
        var document = Apply(CloudTwin.Begin(device, null, knownOther: false), device, 1);
        var report = document.Properties["temperature"].ToReport(acked: 17);
        Assert.Equal((true, "30"), (report.ActualKnown, report.Expected?.Value));

        document = TwinRules.Update(document, new Dictionary<string, MsgTwin?> { ["temperature"] = new() { Actual = new TwinValue { Value = "22" } } }, Now).Document;
        Assert.Null(document.Properties["temperature"].ToReport(acked: 18).ActualKnown);
        Assert.True(document.Properties["temperature"].ToReport(acked: 19).ActualKnown);
    }

    [Fact]
    public void A_new_incarnation_takes_no_value_of_the_last_life_but_goes_on_counting()
    {
        var document = CloudTwin.Begin(Device(status: Status("temperature", "21.5", "17")), null, knownOther: true);
        Assert.Empty(document.ToMessage());
        Assert.Equal(17, document.Properties["temperature"].Actual.Version.Edge);
    }

    [Fact]
    public void A_desired_value_becomes_expected_once_and_an_apps_own_stands_until_the_cloud_changes()
    {
        var device = Device(("setpoint", "22"));
        var document = Apply(CloudTwin.Begin(device, null, false), device, 1);
        Assert.Equal(new TwinSide("22", Now, new TwinVersion(1, 0)), document.Properties["setpoint"].Expected);
        Apply(document, device, 0);

        document = TwinRules.Update(document, new Dictionary<string, MsgTwin?> { ["setpoint"] = new() { Expected = new TwinValue { Value = "18" } } }, Now).Document;
        Assert.Equal("18", Apply(document, device, 0).Properties["setpoint"].Expected.Value);
        document = Apply(document, Device(("setpoint", "23")), 1);
        Assert.Equal(("23", new TwinVersion(2, 1)), (document.Properties["setpoint"].Expected.Value, document.Properties["setpoint"].Expected.Version));
        Assert.Null(Apply(document, Device(), 1).Properties["setpoint"].Expected.Value);
    }

    [Fact]
    public void Every_change_from_the_cloud_makes_the_report_sequence_grow()
    {
        var document = Apply(CloudTwin.Begin(Device(), null, false), Device(("setpoint", "22")), 1);
        Assert.Equal(1, document.Properties["setpoint"].Actual.Version.Edge);
        Assert.Null(document.Properties["setpoint"].Actual.Value);
    }

    [Fact]
    public void A_desired_value_that_does_not_fit_the_models_type_is_left_out_and_named()
    {
        var model = new DeviceModel { Spec = new DeviceModelSpec { Properties = [new ModelProperty { Name = "setpoint", Type = "FLOAT" }] } };
        var device = Device(("setpoint", "warm"), ("other", "x"));
        var outcome = CloudTwin.ApplyDesired(CloudTwin.Begin(device, model, false), device, Now, out var problems);
        Assert.Equal(["other"], outcome.Document.Properties.Keys);
        Assert.Contains("\"warm\" is not of type float", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void An_object_with_nulls_where_lists_and_names_belong_does_no_harm()
    {
        var device = new Device
        {
            Metadata = new ObjectMeta { Namespace = "default", Name = "d", Uid = "u" },
            Spec = null!,
            Status = new DeviceStatus { Twins = [null!, new DeviceTwinStatus { PropertyName = null! }] },
        };
        var document = CloudTwin.Begin(device, new DeviceModel { Spec = null! }, false);
        Assert.Empty(Apply(document, device, 0).Properties);
        device = device with { Spec = new DeviceSpec { Properties = [null!, new DeviceProperty { Name = null!, Desired = new TwinProperty { Value = "1" } }] } };
        Assert.Empty(Apply(document, device, 0).Properties);
    }

    private static TwinDocument Apply(TwinDocument document, Device device, int changes)
    {
        var outcome = CloudTwin.ApplyDesired(document, device, Now, out var problems);
        Assert.Empty(problems);
        Assert.Equal(changes, outcome.Changed.Count);
        return outcome.Document;
    }

    private static Device Device(params (string Property, string Value)[] desired) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = "thermo-1", Uid = "u1" },
        Spec = new DeviceSpec
        {
            Properties = [.. desired.Select(d => new DeviceProperty { Name = d.Property, Desired = new TwinProperty { Value = d.Value } })],
        },
    };

    private static Device Device(DeviceStatus status) => Device() with { Status = status };

    private static DeviceStatus Status(string property, string value, string sequence) => new()
    {
        Twins =
        [
            new DeviceTwinStatus
            {
                PropertyName = property,
                Reported = new TwinProperty
                {
                    Value = value,
                    Metadata = new Dictionary<string, string> { ["timestamp"] = "123", ["type"] = "float", ["sequence"] = sequence },
                },
            },
        ],
    };
}
