using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>This agent on KubeEdge's own cloudcore and a real kube-apiserver.</summary>
public sealed class RealCloudCoreTests(ITestOutputHelper output)
{
    private const string Node = "edge-1";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    [KubeEdgeCloudFact]
    public async Task An_agent_lives_on_a_KubeEdge_hub_through_all_that_happens_to_both()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await KubeEdgeCloud.StartNewAsync();
        await using var edge = new ProgramsEdge(new ProgramsEdgeSetup(Node, runtime.Endpoint, broker.Port));
        var world = new World(output, cloud, edge, new EdgePods(runtime), new ProgramsMqtt(broker));

        (await edge.TryJoinAsync(cloud.HubAddress, await cloud.GetTokenAsync(), cloud.CertPort)).Expect();
        edge.Start();
        await world.NodeIsReadyAsync();
        await world.HoldsAsync("there is a lease", () => cloud.Kubectl.HasAsync("lease", Node, "-n", "kube-node-lease"));

        await world.PodsRunWithWhatTheyMentionAsync();
        await world.TwinsFlowBothWaysAsync();
        await world.AwayAsync();
        await world.NodeIsDeletedAsync();
        await world.DatabaseIsLostAsync();
        await world.PodIsDeletedAsync("third");
    }

    /// <summary>The story's parts, in their order.</summary>
    private sealed class World(ITestOutputHelper output, KubeEdgeCloud cloud, ProgramsEdge edge, EdgePods pods, ProgramsMqtt mqtt)
    {
        private ProgramsKubectl Kubectl => cloud.Kubectl;

        public async Task HoldsAsync(string what, Func<Task<bool>> condition)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            try
            {
                await Eventually.HoldsAsync(what, condition, s_limit);
            }
            catch (TimeoutException e)
            {
                throw new TimeoutException($"{e.Message}\n{cloud.LogTail()}\n{edge.LogTail()}", e);
            }

            output.WriteLine($"{clock.Elapsed.TotalSeconds:0.0} s: {what}");
        }

        public Task NodeIsReadyAsync() => HoldsAsync("the node is Ready", async () => await Kubectl.PathAsync(
            "{.status.conditions[?(@.type==\"Ready\")].status}", "node", Node) == "True");

        public async Task PodsRunWithWhatTheyMentionAsync()
        {
            await ConfigureAsync("hello");
            await Kubectl.RunAsync("create", "secret", "generic", "app-secret", "--from-literal=password=s3cret");
            await RunAsync("first");
            Assert.Equal("hello", await pods.EnvironmentAsync("first", "GREETING"));
            Assert.Equal("s3cret", await pods.ReadFileAsync("first", "/secret/password"));

            await ConfigureAsync("changed");
            await ConfigHasAsync("first", "changed");
        }

        public async Task TwinsFlowBothWaysAsync()
        {
            await Kubectl.ApplyAsync(Device("10"));
            await HoldsAsync("the desired value is on the box", async () => await DesiredAsync() == "10");

            // the very first report of a property, and nothing after it
            await mqtt.PublishAsync(
                "$hw/events/device/default/thermo-1/twin/update",
                """{"event_id":"","timestamp":1,"twin":{"temperature":{"actual":{"value":"21.5"},"metadata":{"type":"float"}}}}""");
            await HoldsAsync("the reported value is in the DeviceStatus", async () => await Kubectl.PathAsync(
                "{.status.twins[?(@.propertyName==\"temperature\")].reported.value}", "devicestatus", "thermo-1") == "21.5");

            await Kubectl.ApplyAsync(Device("20"));
            await HoldsAsync("the new desired value is on the box", async () => await DesiredAsync() == "20");
        }

        /// <summary>Much happens while there is no hub.</summary>
        public async Task AwayAsync()
        {
            await cloud.KillAsync();
            await Kubectl.RunAsync("delete", "pod", "first", "--wait=false");
            await Kubectl.RunAsync("delete", "device", "thermo-1");
            await Kubectl.ApplyAsync(Pod("second"));
            await cloud.StartAsync();
            await IsRunningAsync("second");
            await HoldsAsync("the deleted pod is gone", async () => !await Kubectl.HasAsync("pod", "first"));
            await HoldsAsync("the deleted device is gone", async () => (await TwinAsync()) is null);
        }

        public async Task NodeIsDeletedAsync()
        {
            var uid = await Kubectl.PathAsync("{.metadata.uid}", "node", Node);
            await Kubectl.RunAsync("delete", "node", Node);
            await HoldsAsync("the node is registered anew", async () =>
                await Kubectl.HasAsync("node", Node) && await Kubectl.PathAsync("{.metadata.uid}", "node", Node) != uid);
            await NodeIsReadyAsync();
            await RunAsync("third");
        }

        /// <summary>What runs goes on, is taken over, and what was deleted meanwhile ends.</summary>
        public async Task DatabaseIsLostAsync()
        {
            var container = await pods.OneAsync("third");
            await edge.StopAsync();
            foreach (var file in Directory.GetFiles(edge.DataFolder, "edgecore.db*"))
            {
                File.Delete(file);
            }

            await Kubectl.RunAsync("delete", "pod", "second", "--force", "--grace-period=0");
            edge.Start();
            await HoldsAsync("what was deleted has ended", async () => (await pods.RunningAsync("second")).Count == 0);
            await IsRunningAsync("third");
            Assert.Equal(container, await pods.OneAsync("third"));
            await ConfigureAsync("after the loss");
            await ConfigHasAsync("third", "after the loss");
        }

        public async Task PodIsDeletedAsync(string name)
        {
            await Kubectl.RunAsync("delete", "pod", name, "--wait=false");
            await HoldsAsync($"pod {name} is gone from the API", async () => !await Kubectl.HasAsync("pod", name));
            Assert.Empty(await pods.RunningAsync(name));
        }

        private async Task RunAsync(string name)
        {
            await Kubectl.ApplyAsync(Pod(name));
            await IsRunningAsync(name);
        }

        private Task IsRunningAsync(string name) => HoldsAsync(
            $"pod {name} runs", async () => await Kubectl.PathAsync("{.status.containerStatuses[0].ready}", "pod", name) == "true");

        private Task ConfigHasAsync(string pod, string greeting) => HoldsAsync(
            $"the ConfigMap's new value is in pod {pod}", async () => await pods.ReadFileAsync(pod, "/config/greeting") == greeting);

        private Task<string> ConfigureAsync(string greeting) => Kubectl.ApplyAsync($$$"""
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app-cfg","namespace":"default"},"data":{"greeting":"{{{greeting}}}"} }
            """);

        private async Task<string?> DesiredAsync() => (await edge.TwinAsync("default", "thermo-1"))["twins"]?["interval"]?["desired"]?["value"]?.GetValue<string>();

        private async Task<System.Text.Json.Nodes.JsonNode?> TwinAsync()
        {
            try
            {
                return await edge.TwinAsync("default", "thermo-1");
            }
            catch (HttpRequestException e) when (e.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
                return null;
            }
        }

        private static string Pod(string name) => $$$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{{name}}}, namespace: default}
            spec:
              nodeName: {{{Node}}}
              terminationGracePeriodSeconds: 2
              containers:
              - name: {{{name}}}
                image: {{{ContainerdRig.BusyboxImage}}}
                imagePullPolicy: Never
                command: [sleep, "1000000"]
                env:
                - {name: GREETING, valueFrom: {configMapKeyRef: {name: app-cfg, key: greeting} } }
                volumeMounts:
                - {name: config, mountPath: /config}
                - {name: secret, mountPath: /secret}
              volumes:
              - {name: config, configMap: {name: app-cfg}}
              - {name: secret, secret: {secretName: app-secret}}
            """;

        private static string Device(string desired) => $$$"""
            apiVersion: devices.kubeedge.io/v1beta1
            kind: DeviceModel
            metadata: {name: thermo, namespace: default}
            spec:
              protocol: customized
              properties:
              - {name: temperature, type: FLOAT, accessMode: ReadOnly}
              - {name: interval, type: INT, accessMode: ReadWrite}
            ---
            apiVersion: devices.kubeedge.io/v1beta1
            kind: Device
            metadata: {name: thermo-1, namespace: default}
            spec:
              deviceModelRef: {name: thermo}
              nodeName: {{{Node}}}
              protocol: {protocolName: customized}
              properties:
              - {name: temperature, visitors: {protocolName: customized}}
              - {name: interval, desired: { value: "{{{desired}}}" }, visitors: {protocolName: customized}}
            """;
    }
}
