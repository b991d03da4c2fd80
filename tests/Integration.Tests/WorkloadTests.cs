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
    public async Task A_job_completes_in_waves_and_its_logs_can_be_read()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(Job("waves", "completions: 4\n  parallelism: 2\n  completionMode: Indexed"));
        var taken = await world.EventuallyAsync(
            "the job is complete",
            async () => await world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Complete\")].status}", "job", "waves") == "True",
            TimeSpan.FromSeconds(90));
        world.Note($"4 completions, two at a time: {taken.TotalSeconds:0.0} s");
        Assert.Equal("4 0-3", await world.Kubectl.PathAsync("{.status.succeeded} {.status.completedIndexes}", "job", "waves"));
        for (var index = 0; index < 4; index++)
        {
            var pod = await world.Kubectl.PathAsync("{.items[0].metadata.name}", "pods", "-l", $"batch.kubernetes.io/job-completion-index={index}");
            Assert.Equal($"this is part {index}", (await world.Kubectl.RunAsync("logs", pod)).Trim());
        }

        await world.Kubectl.RunAsync("delete", "job", "waves");
        await world.EventuallyAsync("its pods are gone", async () => !await world.Kubectl.HasAsync("pods", "-l", "app=waves"));
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

    private static string Job(string name, string more) => $$"""
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
              restartPolicy: Never
              containers:
                - name: main
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "echo this is part $JOB_COMPLETION_INDEX"]
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
