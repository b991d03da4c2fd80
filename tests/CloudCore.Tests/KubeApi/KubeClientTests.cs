using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.KubeApi.Authentication;
using EdgeSync.Protocol.Configuration;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.KubeApi;

[Collection(EnvtestCollection.Name)]
public sealed class KubeClientTests(EnvtestCluster cluster) : IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly string _ns = $"t{Guid.NewGuid():N}"[..12];
    private KubeClient? _client;

    private CancellationToken Ct => _deadline.Token;

    private KubeClient Client => _client ??= new KubeClient(KubeConfig.Load(cluster.Kubeconfig), TimeProvider.System);

    public void Dispose()
    {
        _client?.Dispose();
        _deadline.Dispose();
    }

    [EnvtestFact]
    public async Task An_object_is_created_read_changed_and_deleted()
    {
        await CreateNamespaceAsync();
        var created = await Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("a", "1"), Ct);
        Assert.Equal("ConfigMap", created.Kind);

        var patched = await Client.PatchAsync(
            ApiResources.ConfigMaps, _ns, "a", PatchType.Merge, """{"data":{"v":"2"}}"""u8.ToArray(), null, Ct);
        Assert.Equal("2", patched.View(KubernetesJson.Default.ConfigMap).Data!["v"]);

        var node = JsonNode.Parse(patched.Json.Span)!;
        node["data"]!["v"] = "3";
        await Client.UpdateAsync(ApiResources.ConfigMaps, _ns, "a", Encoding.UTF8.GetBytes(node.ToJsonString()), null, Ct);
        var read = await Client.GetAsync(ApiResources.ConfigMaps, _ns, "a", Ct);
        Assert.Equal("3", read!.View(KubernetesJson.Default.ConfigMap).Data!["v"]);

        await Client.DeleteAsync(ApiResources.ConfigMaps, _ns, "a", new DeleteOptions { Uid = created.Uid }, Ct);
        Assert.Null(await Client.GetAsync(ApiResources.ConfigMaps, _ns, "a", Ct));
    }

    [EnvtestFact]
    public async Task An_object_is_one_content_whether_it_was_created_read_listed_or_watched()
    {
        await CreateNamespaceAsync();
        var created = await Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("a", "1"), Ct);
        var read = await Client.GetAsync(ApiResources.ConfigMaps, _ns, "a", Ct);
        var list = await Client.ListAsync(ApiResources.ConfigMaps, _ns, null, Ct);
        var listed = list.Items.Single(i => i.Name == "a");
        KubeObject? watched = null;
        await foreach (var change in Client.WatchAsync(ApiResources.ConfigMaps, _ns, new ListOptions { ResourceVersion = "0" }, Ct))
        {
            if (change.Object.Name == "a")
            {
                watched = change.Object;
                break;
            }
        }

        // of a hub that listed and of one that watched a node is told the same, so it is told nothing when it goes from one to the other
        Assert.Equal([created.ContentHash, created.ContentHash, created.ContentHash], [read!.ContentHash, listed.ContentHash, watched!.ContentHash]);
    }

    [EnvtestFact]
    public async Task Errors_carry_the_servers_reason()
    {
        await CreateNamespaceAsync();
        var created = await Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("a", "1"), Ct);
        await Client.PatchAsync(ApiResources.ConfigMaps, _ns, "a", PatchType.Merge, """{"data":{"v":"2"}}"""u8.ToArray(), null, Ct);

        var exists = await FailsAsync(() => Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("a", "1"), Ct));
        Assert.True(exists is { IsAlreadyExists: true, IsConflict: false });
        var stale = await FailsAsync(() => Client.UpdateAsync(ApiResources.ConfigMaps, _ns, "a", created.Json, null, Ct));
        Assert.True(stale is { IsConflict: true, IsAlreadyExists: false });
        var otherUid = await FailsAsync(() => Client.DeleteAsync(
            ApiResources.ConfigMaps, _ns, "a", new DeleteOptions { Uid = Guid.NewGuid().ToString() }, Ct));
        Assert.True(otherUid.IsConflict);
        var invalid = await FailsAsync(() => Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("No_Name", "1"), Ct));
        Assert.True(invalid is { IsInvalid: true, IsTransient: false });
        Assert.Contains("metadata.name", invalid.Message, StringComparison.Ordinal);
        var gone = await FailsAsync(() => Client.DeleteAsync(ApiResources.ConfigMaps, _ns, "b", null, Ct));
        Assert.True(gone.IsNotFound);
    }

    [EnvtestFact]
    public async Task A_list_follows_its_pages_and_its_items_name_their_kind()
    {
        await CreateNamespaceAsync();
        for (var i = 0; i < 7; i++)
        {
            await Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap($"c{i}", "1", "even", (i % 2 == 0).ToString()), Ct);
        }

        var all = await Client.ListAsync(ApiResources.ConfigMaps, _ns, new ListOptions { PageSize = 2 }, Ct);
        Assert.Equal(7, all.Items.Count(item => item.Name.StartsWith('c')));
        Assert.All(all.Items, item => Assert.Equal(("v1", "ConfigMap"), (item.ApiVersion, item.Kind)));
        var even = await Client.ListAsync(ApiResources.ConfigMaps, _ns, new ListOptions { LabelSelector = "even=True" }, Ct);
        Assert.Equal(4, even.Items.Count);
        var one = await Client.ListAsync(ApiResources.ConfigMaps, null, new ListOptions { FieldSelector = $"metadata.name=c3,metadata.namespace={_ns}" }, Ct);
        Assert.Equal("c3", Assert.Single(one.Items).Name);
    }

    [EnvtestFact]
    public async Task A_watch_tells_every_change_after_its_version_in_order()
    {
        await CreateNamespaceAsync();
        var list = await Client.ListAsync(ApiResources.ConfigMaps, _ns, null, Ct);
        await Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("w", "1"), Ct);
        await Client.PatchAsync(ApiResources.ConfigMaps, _ns, "w", PatchType.Merge, """{"data":{"v":"2"}}"""u8.ToArray(), null, Ct);
        await Client.DeleteAsync(ApiResources.ConfigMaps, _ns, "w", null, Ct);

        var seen = new List<WatchEventType>();
        var options = new ListOptions { ResourceVersion = list.ResourceVersion, FieldSelector = "metadata.name=w" };
        await foreach (var change in Client.WatchAsync(ApiResources.ConfigMaps, _ns, options, Ct))
        {
            seen.Add(change.Type);
            if (change.Type == WatchEventType.Deleted)
            {
                break;
            }
        }

        Assert.Equal([WatchEventType.Added, WatchEventType.Modified, WatchEventType.Deleted], seen);
    }

    [EnvtestFact]
    public async Task An_exec_plugin_signs_in()
    {
        await CreateNamespaceAsync();
        using var folder = new TempFolder();
        var admin = (JsonObject)YamlToJson.ReadOne(File.ReadAllText(cluster.Kubeconfig))!;
        var user = (JsonObject)admin["users"]![0]!["user"]!;
        var pem = new JsonObject
        {
            ["clientCertificateData"] = Pem(user, "client-certificate"),
            ["clientKeyData"] = Pem(user, "client-key"),
        };
        File.WriteAllText(folder.File("answer"), new JsonObject
        {
            ["kind"] = "ExecCredential",
            ["apiVersion"] = "client.authentication.k8s.io/v1",
            ["status"] = pem,
        }.ToJsonString());
        File.WriteAllText(folder.File("plugin"), $"#!/bin/sh\ncat {folder.File("answer")}\n");
        File.SetUnixFileMode(folder.File("plugin"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        admin["users"]![0]!["user"] = new JsonObject
        {
            ["exec"] = new JsonObject
            {
                ["apiVersion"] = "client.authentication.k8s.io/v1",
                ["interactiveMode"] = "Never",
                ["command"] = "./plugin",
            },
        };
        var cluster0 = (JsonObject)admin["clusters"]![0]!["cluster"]!;
        if (cluster0["certificate-authority"] is { } file)
        {
            cluster0["certificate-authority"] = Path.GetFullPath(file.ToString(), Path.GetDirectoryName(cluster.Kubeconfig)!);
        }

        File.WriteAllText(folder.File("kubeconfig"), admin.ToJsonString());
        using var client = new KubeClient(KubeConfig.Load(folder.File("kubeconfig")), TimeProvider.System);
        var created = await client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap("by-plugin", "1"), Ct);
        Assert.Equal("by-plugin", created.Name);

        string Pem(JsonObject node, string field) => node[$"{field}-data"] is { } data
            ? Encoding.ASCII.GetString(Convert.FromBase64String(data.ToString()))
            : File.ReadAllText(Path.GetFullPath(node[field]!.ToString(), Path.GetDirectoryName(cluster.Kubeconfig)!));
    }

    [EnvtestFact]
    public async Task A_pods_service_account_signs_in_by_the_files_that_every_pod_has()
    {
        await CreateNamespaceAsync();
        using var pod = new TempFolder();
        var account = new ApiResource("", "v1", "serviceaccounts", "ServiceAccount", true);
        await Client.CreateAsync(account, _ns, """{"metadata":{"name":"hub"}}"""u8.ToArray(), Ct);
        var kubectl = await new ProgramsKubectl(cluster.Kubeconfig).RunAsync("create", "token", "hub", "-n", _ns);
        File.WriteAllText(pod.File("token"), kubectl.Trim());
        File.WriteAllText(pod.File("namespace"), _ns);
        File.WriteAllText(pod.File("ca.crt"), KubeConfig.Load(cluster.Kubeconfig).CertificateAuthority!.ExportCertificatePems());
        var config = InCluster.Load(pod.Path, name => name switch
        {
            "KUBERNETES_SERVICE_HOST" => Client.Server.Host,
            "KUBERNETES_SERVICE_PORT" => Client.Server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => null,
        });
        Assert.Equal(_ns, config.Namespace);
        using var client = new KubeClient(config, TimeProvider.System);
        var answer = await Record.ExceptionAsync(() => client.ListAsync(ApiResources.ConfigMaps, _ns, null, Ct));
        Assert.True(answer is null or ApiException { Code: 403 }, answer?.ToString()); // known, whatever it may do
    }

    [EnvtestFact]
    public async Task Two_hundred_watches_need_no_more_than_a_few_connections()
    {
        await CreateNamespaceAsync();
        var list = await Client.ListAsync(ApiResources.ConfigMaps, _ns, null, Ct);
        var watches = Enumerable.Range(0, 200).Select(async i =>
        {
            var options = new ListOptions { ResourceVersion = list.ResourceVersion, FieldSelector = $"metadata.name=w{i}" };
            await foreach (var change in Client.WatchAsync(ApiResources.ConfigMaps, _ns, options, Ct))
            {
                return change.Object.Name;
            }

            return "";
        }).ToList();
        for (var i = 0; i < 200; i++)
        {
            await Client.CreateAsync(ApiResources.ConfigMaps, _ns, ConfigMap($"w{i}", "1"), Ct);
        }

        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"w{i}"), await Task.WhenAll(watches));
        var port = (ushort)new Uri(Client.Server.AbsoluteUri).Port;
        var own = System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
            .Count(c => c.RemoteEndPoint.Port == port && c.State == System.Net.NetworkInformation.TcpState.Established);
        Assert.InRange(own, 1, 40);
    }

    private static ReadOnlyMemory<byte> ConfigMap(string name, string value, string label = "l", string labelValue = "x") =>
        Encoding.UTF8.GetBytes(
            $$$"""{"metadata":{"name":"{{{name}}}","labels":{"{{{label}}}":"{{{labelValue}}}"}},"data":{"v":"{{{value}}}"}}""");

    private static Task<ApiException> FailsAsync(Func<Task> call) => Assert.ThrowsAsync<ApiException>(call);

    private async Task CreateNamespaceAsync() => await Client.CreateAsync(
        ApiResources.Namespaces, "", Encoding.UTF8.GetBytes($$$"""{"metadata":{"name":"{{{_ns}}}"}}"""), Ct);
}
