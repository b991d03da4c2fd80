using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What the API says of its kinds' fields, and what kubectl makes of it.</summary>
public sealed class OpenApiTests
{
    private const string DaemonSet = """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: web, namespace: default}
        spec:
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: i, resources: {limits: {cpu: 1, memory: 64Mi}}, livenessProbe: {httpGet: {port: 80}}}]}
        """;

    [KubectlFact]
    public Task The_kubectl_on_the_path_explains_every_kind() => ExplainsAsync(Kubectl.OnPath!);

    [KubectlFact(old: true)]
    public Task An_old_kubectl_explains_every_kind() => ExplainsAsync(Kubectl.Old!);

    [KubectlFact(old: true)]
    public async Task An_old_kubectl_finds_misspelt_and_missing_fields_itself()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.Old!, host.WriteKubeconfig(home.Path), home);
        var (code, output) = await kubectl.TryAsync(DaemonSet.Replace("image:", "imagee:", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.NotEqual(0, code);
        Assert.Contains("unknown field \"imagee\" in io.k8s.api.core.v1.Container", output, StringComparison.Ordinal);
        (code, output) = await kubectl.TryAsync(DaemonSet.Replace("selector:", "#", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.NotEqual(0, code);
        Assert.Contains("missing required field \"selector\" in io.k8s.api.apps.v1.DaemonSetSpec", output, StringComparison.Ordinal);
        Assert.Contains("created", await kubectl.RunWithInputAsync(DaemonSet, "apply", "-f", "-"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_second_version_has_what_strategic_patches_and_server_side_apply_need()
    {
        await using var host = await ApiHost.StartAsync();
        var document = (await new ApiClient(host.Client()).GetAsync("/openapi/v2")).Body;
        Assert.Equal("2.0", (string?)document["swagger"]);
        var pod = document["definitions"]!["io.k8s.api.core.v1.PodSpec"]!;
        Assert.Equal("""["containers"]""", pod["required"]!.ToJsonString());
        var containers = pod["properties"]!["containers"]!;
        Assert.Equal("name", (string?)containers["x-kubernetes-patch-merge-key"]);
        Assert.Equal("merge", (string?)containers["x-kubernetes-patch-strategy"]);
        Assert.Equal("map", (string?)containers["x-kubernetes-list-type"]);
        Assert.Equal("""["name"]""", containers["x-kubernetes-list-map-keys"]!.ToJsonString());
        Assert.Equal("merge,retainKeys", (string?)pod["properties"]!["volumes"]!["x-kubernetes-patch-strategy"]);
        Assert.Equal("atomic", (string?)pod["properties"]!["nodeSelector"]!["x-kubernetes-map-type"]);
        Assert.Equal(
            """[{"group":"apps","kind":"DaemonSet","version":"v1"}]""",
            document["definitions"]!["io.k8s.api.apps.v1.DaemonSet"]!["x-kubernetes-group-version-kind"]!.ToJsonString());
        Assert.NotNull(document["definitions"]!["io.kubeedge.devices.v1beta1.Device"]);
    }

    [Theory]
    [InlineData("/openapi/v2")]
    [InlineData("/openapi/v3/api/v1")]
    [InlineData("/openapi/v3/apis/apps/v1")]
    [InlineData("/openapi/v3/apis/apiextensions.k8s.io/v1")]
    public async Task Every_reference_leads_somewhere(string path)
    {
        await using var host = await ApiHost.StartAsync();
        var document = (await new ApiClient(host.Client()).GetAsync(path)).Body;
        var references = References(document).Distinct().ToList();
        Assert.True(references.Count > 20, $"only {references.Count}");
        foreach (var reference in references)
        {
            JsonNode? node = document;
            foreach (var step in reference.Split('/')[1..])
            {
                node = node?[step];
            }

            Assert.True(node is not null, reference);
        }
    }

    [Fact]
    public async Task A_document_that_the_client_has_is_not_sent_again()
    {
        await using var host = await ApiHost.StartAsync();
        using var client = host.Client();
        var index = (await new ApiClient(client).GetAsync("/openapi/v3")).Body;
        var url = (string)index["paths"]!["apis/apps/v1"]!["serverRelativeURL"]!;
        using var first = await client.GetAsync(url);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Contains("immutable", first.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        using var again = new HttpRequestMessage(HttpMethod.Get, "/openapi/v3/apis/apps/v1");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await client.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        using var third = await client.GetAsync("/openapi/v3/apis/apps/v1?hash=0123");
        Assert.EndsWith(url, third.RequestMessage!.RequestUri!.ToString(), StringComparison.Ordinal);
    }

    private static async Task ExplainsAsync(string binary)
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(binary, host.WriteKubeconfig(home.Path), home);
        var kinds = await KindsAsync(new ApiClient(host.Client()));
        Assert.True(kinds.Count > 10, string.Join(' ', kinds));

        // of the figures kubectl makes the kind of another group's resource of the same name
        foreach (var (version, kind) in kinds.Where(k => k.Version != "metrics.k8s.io/v1beta1"))
        {
            Assert.Contains("metadata", await kubectl.RunAsync("explain", kind, "--api-version=" + version), StringComparison.Ordinal);
        }

        Assert.Contains(
            "The number of the port, 1 to 65535.", await kubectl.RunAsync("explain", "ds.spec.template.spec.containers.ports"), StringComparison.Ordinal);
        var all = await kubectl.RunAsync("explain", "pods", "--recursive");
        Assert.Contains("terminationGracePeriodSeconds\t<integer>", all, StringComparison.Ordinal);
        Assert.Contains("requiredDuringSchedulingIgnoredDuringExecution", all, StringComparison.Ordinal);
    }

    /// <summary>All resources that have objects of their own, with their versions.</summary>
    private static async Task<List<(string Version, string Plural)>> KindsAsync(ApiClient client)
    {
        var kinds = new List<(string, string)>();
        var groups = (JsonArray)(await client.GetAsync("/apis")).Body["groups"]!;
        var paths = groups.SelectMany(g => ((JsonArray)g!["versions"]!).Select(v => "/apis/" + v!["groupVersion"])).Append("/api/v1");
        foreach (var path in paths)
        {
            var list = (await client.GetAsync(path)).Body;
            kinds.AddRange(((JsonArray)list["resources"]!)
                .Where(r => ((JsonArray)r!["verbs"]!).Any(v => (string?)v == "get") && !((string)r["name"]!).Contains('/', StringComparison.Ordinal))
                .Select(r => ((string)list["groupVersion"]!, (string)r!["name"]!)));
        }

        return kinds;
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(m => m.Key == "$ref" && m.Value is JsonValue value ? [(string)value!] : References(m.Value)),
        JsonArray list => list.SelectMany(References),
        _ => [],
    };
}
