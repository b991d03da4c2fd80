using System.Text.Json.Nodes;
using EdgeSync.Protocol.Configuration;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Samples;

/// <summary>The samples are what people copy: they parse, and what they say about each other fits.</summary>
public sealed class SamplesTests
{
    private static readonly string[] s_daemonSets = ["fluentd-daemonset.yaml", "node-selector-daemonset.yaml"];

    public static TheoryData<string> Manifests =>
        [.. Directory.GetFiles(ProgramsLocation.Sample(""), "*.yaml").Select(file => Path.GetFileName(file)!).Order()];

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Every_manifest_is_valid_yaml_with_kind_and_name(string file)
    {
        var objects = Load(file);

        Assert.NotEmpty(objects);
        Assert.All(objects, o =>
        {
            Assert.NotEmpty(Text(o, "apiVersion"));
            Assert.NotEmpty(Text(o, "kind"));
            Assert.NotEmpty(Text(o, "metadata", "name"));
            Assert.True(Text(o, "kind") == "PersistentVolume" || Text(o, "metadata", "namespace").Length > 0, $"{Text(o, "kind")} has no namespace");
        });
    }

    [Theory]
    [InlineData("fluentd-daemonset.yaml")]
    [InlineData("node-selector-daemonset.yaml")]
    public void A_daemonset_selects_the_pods_that_it_makes(string file)
    {
        var spec = Spec(Load(file).Single(o => Text(o, "kind") == "DaemonSet"));
        var labels = spec["template"]!["metadata"]!["labels"]!.AsObject();

        Assert.All(spec["selector"]!["matchLabels"]!.AsObject(), wanted => Assert.Equal((string?)wanted.Value, (string?)labels[wanted.Key]));
    }

    [Fact]
    public void The_collector_mounts_only_volumes_that_are_declared_and_a_config_map_that_is_there()
    {
        var objects = Load("fluentd-daemonset.yaml");
        var pod = Spec(objects.Single(o => Text(o, "kind") == "DaemonSet"))["template"]!["spec"]!;
        var volumes = pod["volumes"]!.AsArray().ToDictionary(v => (string)v!["name"]!, v => v!);

        Assert.All(pod["containers"]![0]!["volumeMounts"]!.AsArray(), mount => Assert.Contains((string)mount!["name"]!, volumes.Keys));
        Assert.Equal(
            Text(objects.Single(o => Text(o, "kind") == "ConfigMap"), "metadata", "name"),
            (string?)volumes["config"]["configMap"]!["name"]);
    }

    [Fact]
    public void Both_daemonsets_run_the_image_that_the_quickstart_makes_and_never_pull_it()
    {
        var containers = s_daemonSets
            .Select(file => Spec(Load(file).Single(o => Text(o, "kind") == "DaemonSet"))["template"]!["spec"]!["containers"]![0]!)
            .ToArray();

        Assert.All(containers, c => Assert.StartsWith("edgesync.local/demo/", (string)c["image"]!, StringComparison.Ordinal));
        Assert.Single(containers.Select(c => (string)c["image"]!).Distinct());
        Assert.All(containers, c => Assert.Equal("IfNotPresent", (string?)c["imagePullPolicy"]));
    }

    [Fact]
    public void The_device_is_of_the_model_and_has_only_its_properties()
    {
        var model = Load("thermometer-model.yaml").Single();
        var device = Load("thermometer-device.yaml").Single();
        var properties = Names(model);

        Assert.Equal(Text(model, "apiVersion"), Text(device, "apiVersion"));
        Assert.Equal(Text(model, "metadata", "name"), Text(device, "spec", "deviceModelRef", "name"));
        Assert.All(Names(device), name => Assert.Contains(name, properties));

        // what may be wished for has to be writable
        var writable = Spec(model)["properties"]!.AsArray().Where(p => (string?)p!["accessMode"] == "ReadWrite").Select(p => (string)p!["name"]!).ToArray();
        Assert.All(
            Spec(device)["properties"]!.AsArray().Where(p => p!["desired"] is not null),
            p => Assert.Contains((string)p!["name"]!, writable));
    }

    [Fact]
    public void The_mapper_speaks_of_the_device_and_its_properties()
    {
        var device = Load("thermometer-device.yaml").Single();
        var script = File.ReadAllText(ProgramsLocation.Sample("thermometer-mapper.sh"));

        Assert.Contains("device=" + Text(device, "metadata", "name"), script, StringComparison.Ordinal);
        Assert.All(Names(device), name => Assert.Contains(name, script, StringComparison.Ordinal));
    }

    private static JsonObject[] Load(string file) =>
        [.. YamlToJson.ReadAll(File.ReadAllText(ProgramsLocation.Sample(file))).Select(node => node.AsObject())];

    private static JsonNode Spec(JsonNode o) => o["spec"]!;

    private static IEnumerable<string> Names(JsonNode o) => Spec(o)["properties"]!.AsArray().Select(p => (string)p!["name"]!);

    private static string Text(JsonNode node, params string[] path) => (string?)path.Aggregate<string, JsonNode?>(node, (n, name) => n?[name]) ?? "";
}
