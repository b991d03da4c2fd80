using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>
/// cloudcore on a real cluster: kube-apiserver, controller manager and scheduler are Kubernetes' own, which make the pods, bind them,
/// judge the node by its lease and its taints, and mount service accounts' tokens.
/// </summary>
public sealed class RealClusterTests(ITestOutputHelper output)
{
    [ClusterFact]
    public async Task A_daemonset_of_the_clusters_own_controller_runs_at_the_edge_and_a_device_reports_to_the_api()
    {
        await using var cluster = await ClusterWorld.StartAsync(output);
        var world = cluster.World;
        await world.Edge.JoinAsync(world.Cloud);
        world.Edge.Start();
        await world.NodeIsReadyAsync();
        await world.EventuallyAsync("the controller manager trusts the node", async () => await TaintsAsync(world) == "");

        var app = new TestDaemonSet("app");
        await world.RunDaemonSetAsync(app);
        Assert.Equal("info", (await world.Pods.ReadFileAsync("app", "/etc/settings/level")).Trim());
        await world.EventuallyAsync(
            "the DaemonSet counts its pod", async () => await world.Kubectl.PathAsync("{.status.numberReady}", "daemonset", "app") == "1");

        await world.Kubectl.ApplyAsync((app with { Level = "debug" }).ConfigMapYaml());
        await world.EventuallyAsync(
            "the pod sees the new ConfigMap", async () => (await world.Pods.ReadFileAsync("app", "/etc/settings/level")).Trim() == "debug");

        await world.ApplySampleAsync("thermometer-model.yaml");
        await world.ApplySampleAsync("thermometer-device.yaml");
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "living-room") is not null);
        await world.Mqtt.ReportAsync("default", "living-room", ("temperature", "21.5"));
        await world.EventuallyAsync("the API has the reading", async () => await world.ReportedAsync("living-room", "temperature") == "21.5");

        var renewed = await RenewedAsync(world);
        await world.EventuallyAsync("the lease is renewed", async () => await RenewedAsync(world) > renewed);
        Assert.Equal(EdgeWorld.NodeName, await world.Kubectl.PathAsync("{.spec.holderIdentity}", "lease", EdgeWorld.NodeName, "-n", "kube-node-lease"));

        await world.Kubectl.RunAsync("delete", "daemonset", "app", "--wait=false");
        await world.EventuallyAsync("the container is gone", async () => (await world.Pods.RunningAsync("app")).Count == 0);
        await world.EventuallyAsync("the pod is gone from the API", async () => !await world.Kubectl.HasAsync("pods", "-l", "app=app"));
        await cluster.NothingWasForbiddenAsync();
    }

    [ClusterFact]
    public async Task Why_and_nodes_tell_of_a_clusters_objects_while_the_link_is_there_and_while_it_is_cut()
    {
        await using var cluster = await ClusterWorld.StartAsync(output);
        var world = cluster.World;
        await using var link = new CuttableLink(world.Cloud.HubPort);
        (await world.Edge.TryJoinAsync(link.Address, await world.Cloud.GetTokenAsync())).Expect();
        world.Edge.Start();
        await world.NodeIsReadyAsync();
        var app = new TestDaemonSet("app");
        await world.RunDaemonSetAsync(app);
        var pod = await world.Kubectl.PathAsync("{.items[0].metadata.name}", "pods", "-l", "app=app");

        foreach (var what in (string[])["ds/app", $"pod/{pod}", "cm/app", $"node/{EdgeWorld.NodeName}"])
        {
            await world.EventuallyAsync(
                $"{what} is as it should be", async () => (await WhyAsync(world, what)).Contains("all is as it should be", StringComparison.Ordinal));
        }

        world.Note(await WhyAsync(world, $"pod/{pod}"));
        world.Note((await ProgramsCloud.CommandAsync("nodes", "--data-dir", world.Cloud.DataFolder)).Expect());
        await world.EventuallyAsync("the node is connected and nothing is pending", async () =>
            await NodeAsync(world) is var node && ((string?)node["state"], (int?)node["pendingObjects"]) is ("Connected", 0));

        await link.CutAsync();
        await world.EventuallyAsync("the hub knows that the node is away", async () => (string?)(await NodeAsync(world))["state"] == "Away");
        await world.Kubectl.ApplyAsync((app with { Level = "debug" }).ConfigMapYaml());
        await world.EventuallyAsync("the hub counts what is pending", async () => (int?)(await NodeAsync(world))["pendingObjects"] == 1);
        Assert.Matches(@"why: node edge-1 last heard \S+ s ago; 1 object pending", await WhyAsync(world, "cm/app"));

        link.Restore();
        await world.EventuallyAsync(
            "the change has arrived", async () => (await WhyAsync(world, "cm/app")).Contains("all is as it should be", StringComparison.Ordinal));
        Assert.Equal("Connected", (string?)(await NodeAsync(world))["state"]);
        var missing = await ProgramsCloud.CommandAsync("why", "pod/none", "--data-dir", world.Cloud.DataFolder);
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("no such object", missing.Output, StringComparison.Ordinal);
        await cluster.NothingWasForbiddenAsync();
    }

    [EnvtestFact]
    public async Task The_service_account_that_ships_may_do_nothing_beyond_the_hubs_work()
    {
        using var cluster = new EnvtestCluster();
        await cluster.StartAsync();
        try
        {
            var kubectl = new ProgramsKubectl(cluster.Kubeconfig);
            await kubectl.RunAsync("apply", "-f", Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "rbac.yaml"));
            foreach (var (may, what) in new[]
            {
                (true, "patch nodes --subresource=status"), (true, "create serviceaccounts --subresource=token"), (true, "list secrets"), (true, "delete pods"), (true, "create leases.coordination.k8s.io -n kube-node-lease"),
                (true, "create leases.coordination.k8s.io -n kubeedge"), (true, "update leases.coordination.k8s.io/cloudcore -n kubeedge"), (false, "update leases.coordination.k8s.io/other -n kubeedge"), (false, "list leases.coordination.k8s.io -n kubeedge"), (false, "delete leases.coordination.k8s.io/cloudcore -n kubeedge"),
                (false, "create pods"), (false, "patch pods"), (false, "delete nodes"), (false, "update secrets"), (false, "create secrets"), (false, "list deployments.apps"),
                (false, "create leases.coordination.k8s.io -n kube-system"), (false, "create clusterrolebindings.rbac.authorization.k8s.io"),
                (false, "patch devices.devices.kubeedge.io"), (false, "impersonate users"), (false, "get nodes --subresource=proxy"),
            })
            {
                var answer = await kubectl.TryAsync(["auth", "can-i", "--as=system:serviceaccount:kubeedge:cloudcore", .. what.Split(' ')]);
                Assert.True(may == answer.Output.StartsWith("yes", StringComparison.Ordinal), $"{what}: {answer.Text}");
            }
        }
        finally
        {
            await cluster.StopAsync();
        }
    }

    private static async Task<DateTimeOffset> RenewedAsync(EdgeWorld world) => DateTimeOffset.TryParse(
        await world.Kubectl.PathAsync("{.spec.renewTime}", "lease", EdgeWorld.NodeName, "-n", "kube-node-lease"), CultureInfo.InvariantCulture, out var at)
        ? at
        : default;

    private static Task<string> TaintsAsync(EdgeWorld world) => world.Kubectl.PathAsync("{.spec.taints[*].key}", "node", EdgeWorld.NodeName);

    private static async Task<string> WhyAsync(EdgeWorld world, string what) =>
        (await ProgramsCloud.CommandAsync("why", what, "--data-dir", world.Cloud.DataFolder)).Text;

    private static async Task<JsonNode> NodeAsync(EdgeWorld world)
    {
        var answer = await ProgramsCloud.CommandAsync("nodes", "-o", "json", "--data-dir", world.Cloud.DataFolder);
        return JsonNode.Parse(answer.Expect())!["nodes"]!.AsArray().Single(n => (string?)n!["node"] == EdgeWorld.NodeName)!;
    }
}
