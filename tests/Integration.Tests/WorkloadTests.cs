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

    [EndToEndFact]
    public async Task Jobs_complete_in_waves_with_logs_that_can_be_read_and_none_is_run_twice_while_its_box_is_away()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(Job(
            "waves", "completions: 8\n  parallelism: 2\n  completionMode: Indexed", "echo part $JOB_COMPLETION_INDEX: $(awk 'BEGIN{for(i=0;i<100000;i++)s+=(i%2?-4:4)/(2*i+1);printf \\\"%.4f\\\",s}')"));
        var taken = await world.EventuallyAsync("the job is complete", () => IsCompleteAsync(world, "waves"), TimeSpan.FromSeconds(90));
        world.Note($"8 completions, two at a time: {taken.TotalSeconds:0.0} s");
        Assert.Equal("8 0-7", await world.Kubectl.PathAsync("{.status.succeeded} {.status.completedIndexes}", "job", "waves"));
        Assert.Equal(
            Enumerable.Range(0, 8).Select(index => $"part {index}: 3.1416"),
            (await world.Kubectl.RunAsync("logs", "-l", "app=waves", "--tail=-1")).Trim().Split('\n').Order(StringComparer.Ordinal));
        await world.Kubectl.RunAsync("delete", "job", "waves");
        await world.EventuallyAsync("its pods are gone", async () => !await world.Kubectl.HasAsync("pods", "-l", "app=waves"));

        // the box falls silent while the pod of another job runs, and the pod ends meanwhile
        using var shared = new TempFolder();
        await world.Kubectl.ApplyAsync(Job(
            "far", "backoffLimit: 0", "echo ran >> /shared/runs; while [ ! -e /shared/go ]; do sleep 0.1; done", $"\nvolumes: [{{name: s, hostPath: {{path: {shared.Path}}}}}]", "\nvolumeMounts: [{name: s, mountPath: /shared}]"));
        await world.EventuallyAsync("its pod runs", async () => await world.Kubectl.PathAsync("{.items[*].status.phase}", "pods", "-l", "app=far") == "Running");
        var pod = await world.Kubectl.PathAsync("{.items[*].metadata.uid}", "pods", "-l", "app=far");
        await world.Edge.KillAsync();
        await world.Cloud.StopAsync();
        world.Cloud.RunOptions = ["--node-monitor-period=1s", "--node-monitor-grace-period=2s"];
        await world.Cloud.StartAsync();
        await world.EventuallyAsync("the node is taken for unreachable", async () =>
            (await world.Kubectl.PathAsync("{.spec.taints[*].key}", "node", EdgeWorld.NodeName)).Contains("node.kubernetes.io/unreachable", StringComparison.Ordinal));
        await File.WriteAllTextAsync(shared.File("go"), "");
        world.Edge.Start();
        await world.EventuallyAsync("its end is told", () => IsCompleteAsync(world, "far"));
        Assert.Equal(pod, await world.Kubectl.PathAsync("{.items[*].metadata.uid}", "pods", "-l", "app=far"));
        Assert.Equal("ran", (await File.ReadAllTextAsync(shared.File("runs"))).Trim());
    }

    [EndToEndFact]
    public async Task A_cron_job_is_run_by_hand()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.RunAsync(
            "create", "cronjob", "nightly", $"--image={ContainerdRig.BusyboxImage}", "--schedule=0 3 * * *", "--", "sh", "-c", "echo done by hand");
        await world.Kubectl.RunAsync("create", "job", "now", "--from=cronjob/nightly");
        await world.EventuallyAsync(
            "the job is complete",
            async () => await world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Complete\")].status}", "job", "now") == "True",
            TimeSpan.FromSeconds(60));
        Assert.Equal("done by hand", (await world.Kubectl.RunAsync("logs", "job/now")).Trim());
    }

    [EndToEndFact]
    public async Task A_stateful_set_finds_its_data_again_and_a_daemon_set_its_claim()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        using var disk = new TempFolder();
        await world.Kubectl.ApplyAsync(Volume(disk.File("disk")));
        await world.Kubectl.ApplyAsync(StatefulSet("first"));
        await world.Kubectl.RunAsync("rollout", "status", "statefulset/store", "--timeout=60s");
        Assert.Equal("Bound", await world.Kubectl.PathAsync("{.status.phase}", "pvc", "data-store-0"));
        Assert.Equal("first", (await world.Kubectl.RunAsync("logs", "store-0")).Trim());

        await world.Kubectl.ApplyAsync(StatefulSet("second"));
        await world.Kubectl.RunAsync("rollout", "status", "statefulset/store", "--timeout=60s");
        Assert.Equal("first\nsecond", (await world.Kubectl.RunAsync("logs", "store-0")).Trim());
        Assert.Equal("first\nsecond", (await File.ReadAllTextAsync(Path.Combine(disk.File("disk"), "log"))).Trim());

        await world.Kubectl.RunAsync("delete", "statefulset", "store");
        await world.EventuallyAsync("its pod is gone", async () => !await world.Kubectl.HasAsync("pods", "-l", "app=store"));
        Assert.Equal("Bound", await world.Kubectl.PathAsync("{.status.phase}", "pvc", "data-store-0"));

        // its pod comes with its node; the node is told of the folder later
        await world.Kubectl.ApplyAsync(DaemonSetWithClaim(disk.File("other")));
        await world.Kubectl.RunAsync("rollout", "status", "daemonset/reader", "--timeout=60s");
        await world.EventuallyAsync("its container has written there", () => Task.FromResult(File.Exists(Path.Combine(disk.File("other"), "here"))));
    }

    private static string DaemonSetWithClaim(string path) => $$"""
        apiVersion: apps/v1
        kind: DaemonSet
        metadata:
          name: reader
          namespace: default
        spec:
          selector:
            matchLabels: {app: reader}
          template:
            metadata:
              labels: {app: reader}
            spec:
              terminationGracePeriodSeconds: 2
              containers:
                - name: main
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "trap 'exit 0' TERM; touch /data/here; while :; do sleep 1000 & wait $!; done"]
                  volumeMounts:
                    - {name: data, mountPath: /data}
              volumes:
                - name: data
                  persistentVolumeClaim: {claimName: reader}
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: reader
          namespace: default
        spec:
          accessModes: [ReadWriteOnce]
          volumeName: other
          resources: {requests: {storage: 1Gi} }
        ---
        {{Volume(path).Replace("name: disk", "name: other", StringComparison.Ordinal)}}
        """;

    private static string Volume(string path) => $$"""
        apiVersion: v1
        kind: PersistentVolume
        metadata:
          name: disk
        spec:
          capacity: {storage: 1Gi}
          accessModes: [ReadWriteOnce]
          hostPath: {path: {{path}}, type: DirectoryOrCreate}
        """;

    private static string StatefulSet(string word) => $$"""
        apiVersion: apps/v1
        kind: StatefulSet
        metadata:
          name: store
          namespace: default
        spec:
          serviceName: store
          selector:
            matchLabels: {app: store}
          volumeClaimTemplates:
            - metadata: {name: data}
              spec:
                accessModes: [ReadWriteOnce]
                resources: {requests: {storage: 1Gi} }
          template:
            metadata:
              labels: {app: store}
            spec:
              terminationGracePeriodSeconds: 2
              containers:
                - name: main
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "trap 'exit 0' TERM; echo {{word}} >> /data/log; cat /data/log; touch /tmp/up; while :; do sleep 1000 & wait $!; done"]
                  readinessProbe:
                    exec: {command: ["test", "-e", "/tmp/up"]}
                    periodSeconds: 1
                  volumeMounts:
                    - {name: data, mountPath: /data}
        """;

    private static async Task<bool> IsCompleteAsync(EdgeWorld world, string job) =>
        await world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Complete\")].status}", "job", job) == "True";

    /// <param name="name">Of the job, and of its pods' label.</param>
    /// <param name="more">Of its spec.</param>
    /// <param name="command">For the shell.</param>
    /// <param name="volumes">Of its pods' spec.</param>
    /// <param name="mounts">Of its container.</param>
    private static string Job(string name, string more, string command, string volumes = "", string mounts = "") => $$"""
        apiVersion: batch/v1
        kind: Job
        metadata:
          name: {{name}}
          namespace: default
        spec:
          {{more}}
          template:
            metadata:
              labels:
                app: {{name}}
            spec:
              restartPolicy: Never{{volumes.Replace("\n", "\n      ", StringComparison.Ordinal)}}
              containers:
                - name: main
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "{{command}}"]{{mounts.Replace("\n", "\n          ", StringComparison.Ordinal)}}
        """;

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
