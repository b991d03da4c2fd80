using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>KubeEdge's kinds come as definitions, from the files that a real cluster gets.</summary>
public class ShippedDefinitionTests
{
    private const string Devices = "/apis/devices.kubeedge.io/v1beta1/namespaces/default/devices";
    private const string DevicesDefinition = Widgets.Definitions + "/devices.devices.kubeedge.io";

    [Fact]
    public async Task A_new_server_serves_kubeedges_kinds()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        foreach (var path in (string[])[
            Devices, "/apis/devices.kubeedge.io/v1beta1/devicemodels", "/apis/devices.kubeedge.io/v1beta1/devicestatuses",
            "/apis/reliablesyncs.kubeedge.io/v1alpha1/objectsyncs", "/apis/reliablesyncs.kubeedge.io/v1alpha1/clusterobjectsyncs",
            "/apis/rules.kubeedge.io/v1/rules", "/apis/rules.kubeedge.io/v1/ruleendpoints", "/apis/apps.kubeedge.io/v1alpha1/nodegroups",
            "/apis/apps.kubeedge.io/v1alpha1/edgeapplications", "/apis/operations.kubeedge.io/v1alpha2/nodeupgradejobs",
            "/apis/operations.kubeedge.io/v1alpha2/imageprepulljobs", "/apis/operations.kubeedge.io/v1alpha2/configupdatejobs",
            "/apis/policy.kubeedge.io/v1alpha1/serviceaccountaccesses"])
        {
            Assert.Equal((path, HttpStatusCode.OK), (path, (await api.GetAsync(path)).Code));
        }

        Assert.Equal(14, ShippedDefinitions.Read().Count);
        var definitions = (await api.GetAsync(Widgets.Definitions)).Body["items"]!.AsArray();
        Assert.All(definitions, d => Assert.Equal("True", (string?)d!["status"]!["conditions"]!.AsArray().Single(c => (string?)c!["type"] == "Established")!["status"]));
        var device = await api.PostAsync(Devices, """
            {"apiVersion":"devices.kubeedge.io/v1beta1","kind":"Device","metadata":{"name":"d"},
             "spec":{"deviceModelRef":{"name":"m"},"nodeName":"n","protocol":{"protocolName":"modbus","configData":{"port":502,"any":{"thing":[1]}}},"spelling":1}}
            """);
        Assert.Equal((HttpStatusCode.Created, 502L), (device.Code, (long)device.Body["spec"]!["protocol"]!["configData"]!["port"]!));
        Assert.Contains("unknown field \\\"spec.spelling\\\"", device.Warnings.Single(), StringComparison.Ordinal);
        var table = await api.GetAsync(Devices, "application/json;as=Table;g=meta.k8s.io;v=v1");
        Assert.Equal(["Name", "Node", "Model", "Protocol", "State", "Last Online", "Age"], table.Body["columnDefinitions"]!.AsArray().Select(c => (string)c!["name"]!));
    }

    [Fact]
    public async Task A_database_from_before_the_definitions_opens_with_its_devices()
    {
        using var folder = new TempFolder();
        await WriteOldAsync(folder.Path);
        await using var host = await ApiHost.StartAsync(folder.Path);
        var api = new ApiClient(host.Client());
        var old = await api.GetAsync(Devices + "/old");
        Assert.Equal((HttpStatusCode.OK, "21.5", "u-1"), (old.Code, (string?)old.Body["status"]!["twins"]![0]!["reported"]!["value"], (string?)old.Body["metadata"]!["uid"]));
        var reported = await api.MergeAsync(Devices + "/old/status", """{"status":{"twins":[{"propertyName":"t","reported":{"value":"22"}}]}}""");
        Assert.Equal((HttpStatusCode.OK, "22"), (reported.Code, (string?)reported.Body["status"]!["twins"]![0]!["reported"]!["value"]));
        var labelled = await api.MergeAsync(Devices + "/old", """{"metadata":{"labels":{"a":"b"}}}""");
        Assert.Equal((HttpStatusCode.OK, 1L), (labelled.Code, (long)labelled.Body["metadata"]!["generation"]!));
        Assert.Single((await api.GetAsync("/apis/devices.kubeedge.io/v1beta1/devices")).Body["items"]!.AsArray());
    }

    [Fact]
    public async Task An_older_definition_is_brought_up_to_date_and_a_changed_one_is_kept()
    {
        using var folder = new TempFolder();
        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            // what an older cloudcore would have left: another spec, its hash, a smaller version
            var api = new ApiClient(host.Client());
            await api.MergeAsync(Widgets.Definitions + "/rules.rules.kubeedge.io", """{"spec":{"names":{"shortNames":["mine"]}}}""");
        }

        StoredBytes.Replace(folder.Path, "\"shortNames\":[\"re\"]", "\"shortNames\":[\"rx\"]");
        StoredBytes.ReplaceHash(folder.Path, "ruleendpoints.rules.kubeedge.io");
        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            var api = new ApiClient(host.Client());
            var updated = (await api.GetAsync(Widgets.Definitions + "/ruleendpoints.rules.kubeedge.io")).Body;
            Assert.Equal("re", (string?)updated["spec"]!["names"]!["shortNames"]![0]);
            Assert.Equal("re", (string?)updated["status"]!["acceptedNames"]!["shortNames"]![0]);
            var kept = (await api.GetAsync(Widgets.Definitions + "/rules.rules.kubeedge.io")).Body;
            Assert.Equal("mine", (string?)kept["spec"]!["names"]!["shortNames"]![0]);
            Assert.Equal(HttpStatusCode.OK, (await api.DeleteAsync(DevicesDefinition)).Code);
            await Eventually.HoldsAsync("devices are gone", async () => (await api.GetAsync(Devices)).Code == HttpStatusCode.NotFound);
        }

        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            Assert.Equal(HttpStatusCode.OK, (await new ApiClient(host.Client()).GetAsync(Devices)).Code);
        }
    }

    private static async Task WriteOldAsync(string folder)
    {
        var store = ObjectStore.Open(folder, new StoreLimits(), TimeProvider.System);
        await PutAsync(store, "namespaces", "", "default", """{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"default","uid":"u-0"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}""");
        await PutAsync(store, "devices.devices.kubeedge.io", "default", "old", """
            {"kind":"Device","apiVersion":"devices.kubeedge.io/v1beta1","metadata":{"name":"old","namespace":"default","uid":"u-1","creationTimestamp":"2026-01-01T00:00:00Z","generation":1},
             "spec":{"deviceModelRef":{"name":"m"},"nodeName":"n","properties":[{"name":"t"}]},"status":{"twins":[{"propertyName":"t","reported":{"value":"21.5","metadata":{"timestamp":"1"}}}]}}
            """);
        await store.DisposeAsync();
    }

    private static async Task PutAsync(ObjectStore store, string resource, string ns, string name, string json)
    {
        var node = (JsonObject)JsonNode.Parse(Encoding.UTF8.GetBytes(json))!;
        var result = await store.CommitAsync(
            new Mutation
            {
                Resource = resource,
                Key = new NamespacedName(ns, name),
                Uid = (string)node["metadata"]!["uid"]!,
                ExpectedVersion = 0,
                Object = PreparedObject.From(node),
            },
            CancellationToken.None);
        Assert.Equal(CommitOutcome.Committed, result.Outcome);
    }
}
