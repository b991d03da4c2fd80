using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>Workloads as users know them, on a real hub and a real box.</summary>
public sealed class WorkloadTests(ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task A_deployment_is_scheduled_rolled_out_and_undone()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(Deployment("first"));
        await world.Kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        Assert.Equal("first", await world.Pods.EnvironmentAsync("web", "MODE"));

        await world.Kubectl.ApplyAsync(Deployment("second"));
        await world.Kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        await world.EventuallyAsync("the old pods are gone", async () => (await world.Pods.RunningAsync("web")).Count == 1);
        Assert.Equal("second", await world.Pods.EnvironmentAsync("web", "MODE"));

        await world.Kubectl.RunAsync("rollout", "undo", "deployment/web");
        await world.Kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        await world.EventuallyAsync("the pods of the second are gone", async () => (await world.Pods.RunningAsync("web")).Count == 1);
        Assert.Equal("first", await world.Pods.EnvironmentAsync("web", "MODE"));

        await world.Kubectl.RunAsync("delete", "deployment", "web");
        await world.EventuallyAsync("nothing runs", async () => (await world.Pods.RunningAsync("web")).Count == 0);
    }

    private static string Deployment(string mode) => $$"""
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web
          namespace: default
        spec:
          replicas: 1
          selector:
            matchLabels:
              app: web
          template:
            metadata:
              labels:
                app: web
            spec:
              terminationGracePeriodSeconds: 2
              containers:
                - name: web
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"]
                  env:
                    - name: MODE
                      value: "{{mode}}"
        """;
}
