using System.Text.Json.Serialization;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.Protocol.Tests.Configuration;

public sealed class ConfigDocumentTests
{
    [Fact]
    public void Every_wrong_type_is_reported_with_path_and_line()
    {
        var document = Read(
            """
            name: 12
            inner:
              count: many
              wait: 5
              on: "yes"
              list: one
              items:
                - x
                - 7
              map:
                k: true
            """);

        Assert.Null(document.Value);
        Assert.Equal(
            [
                "name (line 1): must be a text, and is the number 12; put it in quotes: \"12\"",
                "inner.count (line 3): must be a whole number, and is a text",
                "inner.wait (line 4): must be a duration such as 40s, 5m or 1h30m, and is the number 5",
                "inner.on (line 5): must be true or false, and is a text",
                "inner.list (line 6): must be a list, and is a text",
                "inner.items[1] (line 9): must be a text, and is the number 7; put it in quotes: \"7\"",
                "inner.map.k (line 11): must be a text, and is true; put it in quotes: \"true\"",
            ],
            document.Problems.Select(p => p.ToString()));
    }

    [Fact]
    public void Unknown_members_are_listed_and_nulls_keep_defaults()
    {
        var document = Read("name: null\nother: {a: 1}\ninner:\n  COUNT: 3\n  nothing: 1\n  items: [a, null]");

        Assert.Empty(document.Problems);
        Assert.Equal(["other", "inner.nothing"], document.Unknown);
        Assert.Equal("default", document.Value!.Name);
        Assert.Equal(3, document.Value.Inner.Count);
        Assert.Equal(["a"], document.Value.Inner.Items);
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("a: [", "not valid YAML at line 2")]
    [InlineData("[]", "must be a map")]
    [InlineData("inner: {count: 99999999999}", "out of range")]
    public void A_file_that_is_no_configuration_says_so(string yaml, string words)
    {
        Assert.Contains(words, Assert.Single(Read(yaml).Problems).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("24h", 86_400_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("1m0s", 60_000)]
    [InlineData("500ms", 500)]
    [InlineData("1.5s", 1500)]
    [InlineData("0s", 0)]
    public void Gos_durations_are_read_and_written(string text, long milliseconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
        Assert.True(GoDuration.TryParse(GoDuration.Format(duration), out var again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("h")]
    [InlineData("-5s")]
    [InlineData("5 s")]
    [InlineData("5d")]
    [InlineData("99999999999999h")]
    [InlineData("1e5s")]
    public void Other_texts_are_no_durations(string text) => Assert.False(GoDuration.TryParse(text, out _));

    [Fact]
    public void Yaml_that_is_written_is_read_back_the_same()
    {
        const string json = """
            {"a":"true","b":true,"c":"12","d":12,"e":"","f":null,"g":"a: b","h":"- x","i":"x #y","j":["-",{"k":"v"},[],[1,["n"]]],"l":{},
             "m n":"1.5","o":"line\nbreak","p":"~","q":"/etc/x.y","r":"{x}","s":"é\"'","t":"0x1f","u":"No","v":"a:"}
            """;

        var yaml = JsonToYaml.Write(System.Text.Json.Nodes.JsonNode.Parse(json)!);

        Assert.Equal(System.Text.Json.Nodes.JsonNode.Parse(json)!.ToJsonString(), YamlToJson.ReadOne(yaml)!.ToJsonString());
    }

    [Theory]
    [InlineData("yes", "true")]
    [InlineData("N", "false")]
    [InlineData("off", "false")]
    [InlineData("0644", "420")]
    [InlineData("-0x10", "-16")]
    [InlineData("0b101", "5")]
    [InlineData("089", "89")]
    [InlineData("1_000", "1000")]
    [InlineData("1.0", "1")]
    [InlineData("1e3", "1000")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("~", "null")]
    [InlineData("'yes'", "\"yes\"")]
    [InlineData("!!str 5", "\"5\"")]
    [InlineData("2020-01-01", "\"2020-01-01\"")]
    [InlineData("1:30", "\"1:30\"")]
    public void A_manifest_is_read_as_kubernetes_reads_it(string text, string json)
    {
        var node = YamlToJson.ReadManifest($"a: {text}", out var duplicates);

        Assert.Equal($"{{\"a\":{json}}}", node!.ToJsonString());
        Assert.Empty(duplicates);
    }

    [Theory]
    [InlineData("no", "\"no\"")]
    [InlineData("0644", "644")]
    [InlineData("1_000", "\"1_000\"")]
    public void Configuration_is_read_with_the_core_types(string text, string json) =>
        Assert.Equal($"{{\"a\":{json}}}", YamlToJson.ReadOne($"a: {text}")!.ToJsonString());

    [Fact]
    public void Maps_are_merged_and_what_a_map_says_itself_counts()
    {
        var node = YamlToJson.ReadManifest("a: &a {x: 1, z: 2}\nb:\n  z: 3\n  <<: *a\n", out _);

        Assert.Equal("""{"a":{"x":1,"z":2},"b":{"z":3,"x":1}}""", node!.ToJsonString());
    }

    [Theory]
    [InlineData("a: &a [*a]")]
    [InlineData("a: *b")]
    [InlineData("a: .inf")]
    [InlineData("a: \"\\ud800\"")]
    [InlineData("{a: 1")]
    [InlineData("? [a]\n: b")]
    public void What_no_json_can_be_made_of_is_refused_in_words(string text) =>
        Assert.NotEmpty(Assert.Throws<FormatException>(() => YamlToJson.ReadManifest(text, out _)).Message);

    [Fact]
    public void Aliases_that_stand_for_very_much_are_refused()
    {
        var bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
            + string.Concat(Enumerable.Range(1, 20).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));

        Assert.Contains("nodes", Assert.Throws<FormatException>(() => YamlToJson.ReadManifest(bomb, out _)).Message, StringComparison.Ordinal);
    }

    private static ConfigDocument<Sample> Read(string yaml) => new(yaml, SampleJson.Default.Sample);
}

internal sealed record Sample
{
    public string Name { get; init; } = "default";

    public SampleInner Inner { get; init; } = new();
}

internal sealed record SampleInner
{
    public int Count { get; init; }

    public TimeSpan Wait { get; init; }

    public bool? On { get; init; }

    public IReadOnlyList<string> List { get; init; } = [];

    public IReadOnlyList<string> Items { get; init; } = [];

    public IReadOnlyDictionary<string, string> Map { get; init; } = new Dictionary<string, string>();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, PropertyNameCaseInsensitive = true, Converters = [typeof(GoDurationConverter)])]
[JsonSerializable(typeof(Sample))]
internal sealed partial class SampleJson : JsonSerializerContext;
