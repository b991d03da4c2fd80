using EdgeSync.Protocol.Devices;

namespace EdgeSync.Protocol.Tests.Devices;

public sealed class TwinRulesTests
{
    private const long Now = 1_767_225_600_000;

    private static readonly TwinDocument s_empty = new() { Id = new DeviceId("default", "thermo-1"), Uid = "u1" };

    [Fact]
    public void A_new_property_gets_version_0_1_the_time_and_type_string()
    {
        var entry = Updated(s_empty, "p", "on").Properties["p"];
        Assert.Equal(new TwinSide("on", Now, new TwinVersion(0, 1)), entry.Actual);
        Assert.Equal((TwinTypes.Text, true), (entry.Type, entry.Optional));
    }

    [Fact]
    public void An_equal_value_moves_version_and_time()
    {
        var twice = TwinRules.Update(Updated(s_empty, "p", "on"), Actual("p", "on"), Now + 5).Document.Properties["p"].Actual;
        Assert.Equal(new TwinSide("on", Now + 5, new TwinVersion(0, 2)), twice);
    }

    [Fact]
    public void A_values_own_timestamp_is_kept()
    {
        var request = new MsgTwin { Actual = new TwinValue { Value = "1", Metadata = new ValueMetadata { Timestamp = 42 } } };
        Assert.Equal(42, TwinRules.Update(s_empty, Request("p", request), Now).Document.Properties["p"].Actual.Timestamp);
    }

    [Fact]
    public void A_request_with_one_bad_property_changes_nothing()
    {
        var outcome = TwinRules.Update(
            s_empty, new Dictionary<string, MsgTwin?> { ["good"] = Value("1"), ["bad name"] = Value("1") }, Now);
        Assert.Same(s_empty, outcome.Document);
        Assert.Empty(outcome.Changed);
        Assert.Contains("\"bad name\"", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_property_without_a_value_is_refused_but_may_be_declared()
    {
        Assert.Contains("property \"p\" has no value; send it as {\"actual\"", TwinRules.Update(s_empty, Request("p", new MsgTwin()), Now).Error, StringComparison.Ordinal);
        var declared = TwinRules.Update(s_empty, Request("p", new MsgTwin { Metadata = new TypeMetadata { Type = "int" } }), Now);
        Assert.Equal(TwinTypes.WholeNumber, declared.Document.Properties["p"].Type);
    }

    [Fact]
    public void A_property_keeps_the_type_of_its_first_report()
    {
        var first = TwinRules.Update(s_empty, Request("p", Value("1") with { Metadata = new TypeMetadata { Type = "int" } }), Now).Document;
        var second = TwinRules.Update(first, Request("p", Value("x") with { Metadata = new TypeMetadata { Type = "string" } }), Now);
        Assert.Contains("\"x\" is not of type int", second.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_type_of_its_own_a_property_has_the_models()
    {
        var document = s_empty with { ModelTypes = new Dictionary<string, string> { ["p"] = TwinTypes.Number } };
        Assert.Contains("send a number", TwinRules.Update(document, Actual("p", "warm"), Now).Error, StringComparison.Ordinal);
        Assert.Equal(TwinTypes.Number, Updated(document, "p", "21.5").Properties["p"].Type);

        // KubeEdge's own samples send the type "Updated"; with a model that is harmless
        Assert.Null(TwinRules.Update(document, Request("p", Value("1") with { Metadata = new TypeMetadata { Type = "Updated" } }), Now).Error);
        Assert.Contains("metadata.type \"Updated\" is unknown", TwinRules.Update(s_empty, Request("p", Value("1") with { Metadata = new TypeMetadata { Type = "Updated" } }), Now).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Null_deletes_an_optional_property_and_keeps_its_versions()
    {
        var deleted = TwinRules.Update(Updated(s_empty, "p", "on"), Request("p", null), Now).Document;
        Assert.True(deleted.Properties["p"].IsDeleted);
        Assert.Empty(deleted.ToMessage());
        Assert.Equal(new TwinVersion(0, 3), Updated(deleted, "p", "off").Properties["p"].Actual.Version);
        Assert.Empty(TwinRules.Update(s_empty, Request("unknown", null), Now).Changed);
    }

    [Fact]
    public void A_property_that_is_not_optional_cannot_be_deleted()
    {
        var document = TwinRules.Update(s_empty, Request("p", Value("on") with { Optional = false }), Now).Document;
        Assert.Contains("not optional", TwinRules.Update(document, Request("p", null), Now).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_delta_has_the_properties_that_are_not_as_they_should_be()
    {
        var document = Updated(Updated(s_empty, "a", "1"), "b", "1");
        Assert.Null(TwinRules.Delta(document, "", Now));
        document = TwinRules.Update(document, new Dictionary<string, MsgTwin?> { ["a"] = Expect("1"), ["b"] = Expect("2"), ["c"] = Expect("3") }, Now).Document;
        var delta = TwinRules.Delta(document, "e", Now)!;
        Assert.Equal(new Dictionary<string, string> { ["b"] = "2", ["c"] = "3" }, delta.Delta);
        Assert.Equal(["a", "b", "c"], delta.Twin.Keys.Order());
    }

    [Fact]
    public void A_synchronized_update_needs_a_version_that_is_not_older()
    {
        var document = Updated(Updated(s_empty, "p", "1"), "p", "2");
        Assert.Contains("actual_version is missing", TwinRules.Synchronize(document, Actual("p", "3"), Now).Error, StringComparison.Ordinal);
        Assert.Contains("0/1 is older than 0/2", TwinRules.Synchronize(document, Versioned("3", 0, 1), Now).Error, StringComparison.Ordinal);
        Assert.Contains("out of range", TwinRules.Synchronize(document, Versioned("3", 0, long.MaxValue), Now).Error, StringComparison.Ordinal);
        var after = TwinRules.Synchronize(document, Versioned("3", 4, 2), Now);
        Assert.Null(after.Error);
        Assert.Equal(new TwinSide("3", Now, new TwinVersion(4, 2)), after.Document.Properties["p"].Actual);
    }

    [Fact]
    public void A_device_has_a_limited_number_of_properties()
    {
        var many = Enumerable.Range(0, TwinLimits.MaxProperties).ToDictionary(i => $"p{i}", _ => (MsgTwin?)Value("1"));
        var document = TwinRules.Update(s_empty, many, Now).Document;
        Assert.Equal(TwinLimits.MaxProperties, document.Properties.Count);
        Assert.Contains("more than 1024 properties", TwinRules.Update(document, Actual("one-more", "1"), Now).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("int", "9223372036854775807", true)]
    [InlineData("int", "9223372036854775808", false)]
    [InlineData("int", "1.5", false)]
    [InlineData("float", "-1.5e3", true)]
    [InlineData("float", "1,5", false)]
    [InlineData("boolean", "true", true)]
    [InlineData("boolean", "TRUE", false)]
    [InlineData("string", "21.5 °C", true)]
    [InlineData("string", "", false)]
    [InlineData("string", "a\0b", false)]
    public void Values_fit_their_types(string type, string value, bool fits) =>
        Assert.Equal(fits, TwinTypes.CheckValue("p", type, value) is null);

    [Fact]
    public void Values_may_have_4096_bytes_and_names_128_characters()
    {
        Assert.Null(TwinTypes.CheckValue("p", TwinTypes.Text, new string('ü', 2048)));
        Assert.NotNull(TwinTypes.CheckValue("p", TwinTypes.Text, new string('ü', 2049)));
        Assert.Null(TwinTypes.CheckName(new string('a', 124) + "-_.#"));
        Assert.NotNull(TwinTypes.CheckName(new string('a', 129)));
        Assert.NotNull(TwinTypes.CheckName(""));
        Assert.NotNull(TwinTypes.CheckName("größe"));
    }

    [Theory]
    [InlineData("INT", "int")]
    [InlineData("DOUBLE", "float")]
    [InlineData("BYTES", "string")]
    [InlineData("Boolean", "boolean")]
    [InlineData("deleted", "deleted")]
    [InlineData("Updated", null)]
    [InlineData("", null)]
    public void Types_of_models_and_messages_are_understood(string written, string? type) => Assert.Equal(type, TwinTypes.Parse(written));

    private static TwinDocument Updated(TwinDocument document, string property, string value)
    {
        var outcome = TwinRules.Update(document, Actual(property, value), Now);
        Assert.Null(outcome.Error);
        return outcome.Document;
    }

    private static Dictionary<string, MsgTwin?> Actual(string property, string value) => Request(property, Value(value));

    private static Dictionary<string, MsgTwin?> Request(string property, MsgTwin? request) => new() { [property] = request };

    private static MsgTwin Value(string value) => new() { Actual = new TwinValue { Value = value } };

    private static MsgTwin Expect(string value) => new() { Expected = new TwinValue { Value = value } };

    private static Dictionary<string, MsgTwin?> Versioned(string value, long cloud, long edge) =>
        Request("p", Value(value) with { ActualVersion = new TwinVersion(cloud, edge) });
}
