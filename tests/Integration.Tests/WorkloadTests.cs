using System.Text.Json.Nodes;
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
        await SurgeAsync(world);
    }

    /// <summary>A DaemonSet with maxSurge 1: the box is never without a ready pod, and never has more than two.</summary>
    private static async Task SurgeAsync(EdgeWorld world)
    {
        using var shared = new TempFolder();
        await File.WriteAllTextAsync(shared.File("first"), "");
        await world.Kubectl.ApplyAsync(SurgingDaemonSet("first", shared.Path));
        await world.Kubectl.RunAsync("rollout", "status", "daemonset/surge", "--timeout=60s");
        var old = await world.Kubectl.JsonAsync("pods", "-l", "app=surge");
        await world.Kubectl.ApplyAsync(SurgingDaemonSet("second", shared.Path));
        await world.EventuallyAsync("both run on the box", async () => (await world.Pods.RunningAsync("surge")).Count == 2);
        Assert.False(await world.Kubectl.TryAsync("rollout", "status", "daemonset/surge", "--timeout=1s") is { ExitCode: 0 });
        await File.WriteAllTextAsync(shared.File("second"), "");
        await world.Kubectl.RunAsync("rollout", "status", "daemonset/surge", "--timeout=60s");
        await world.EventuallyAsync("the new one is left", async () => (await world.Pods.RunningAsync("surge")).Count == 1);
        Assert.Equal("second", await world.Pods.EnvironmentAsync("surge", "MODE"));
        await world.EventuallyAsync("the API says so", async () => (await world.Kubectl.JsonAsync("pods", "-l", "app=surge"))["items"]!.AsArray().Count == 1);

        // all that happened, once more and in order
        var before = old["items"]![0]!;
        var ready = new HashSet<string> { before["metadata"]!["uid"]!.ToString() };
        var told = await world.Kubectl.RunAsync("get", "--raw", "/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=3&labelSelector=app%3Dsurge&resourceVersion=" + before["metadata"]!["resourceVersion"]);
        foreach (var change in told.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!))
        {
            var pod = change["object"]!;
            var uid = pod["metadata"]!["uid"]!.ToString();
            var isReady = (pod["status"]?["conditions"]?.AsArray() ?? []).Any(condition => condition!["type"]!.ToString() == "Ready" && condition["status"]!.ToString() == "True");
            if (isReady && change["type"]!.ToString() != "DELETED")
            {
                ready.Add(uid);
            }
            else
            {
                ready.Remove(uid);
            }

            Assert.NotEmpty(ready);
            Assert.True(pod["metadata"]!["deletionTimestamp"] is null || ready.Any(other => other != uid), "it was asked to go before the other one was ready");
        }

        Assert.DoesNotContain(before["metadata"]!["uid"]!.ToString(), ready);
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
    public async Task A_cron_job_is_run_by_hand_a_job_stops_and_goes_on_and_an_index_fails_alone()
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

        await world.Kubectl.ApplyAsync(Job(
            "picky",
            """
            completions: 3
              parallelism: 3
              completionMode: Indexed
              backoffLimitPerIndex: 5
              podFailurePolicy:
                rules:
                  - action: FailIndex
                    onExitCodes: {operator: In, values: [42]}
            """,
            "if [ $JOB_COMPLETION_INDEX = 1 ]; then exit 42; fi"));
        await StopAndGoOnAsync(world);
        await world.EventuallyAsync(
            "the other job has failed", async () => await world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Failed\")].reason}", "job", "picky") == "FailedIndexes");
        Assert.Equal("0,2 1 2 1", await world.Kubectl.PathAsync("{.status.completedIndexes} {.status.failedIndexes} {.status.succeeded} {.status.failed}", "job", "picky"));
    }

    /// <summary>Suspended from the beginning, resumed, suspended while it runs, and resumed to its end.</summary>
    private static async Task StopAndGoOnAsync(EdgeWorld world)
    {
        using var shared = new TempFolder();
        await world.Kubectl.ApplyAsync(Job(
            "held", "suspend: true\n  backoffLimit: 0", "echo started >> /shared/log; while [ ! -e /shared/go ]; do sleep 0.1; done",
            $"\nterminationGracePeriodSeconds: 0\nvolumes: [{{name: s, hostPath: {{path: {shared.Path}}}}}]", "\nvolumeMounts: [{name: s, mountPath: /shared}]"));
        await world.EventuallyAsync("it is suspended", () => IsSuspendedAsync(world));
        Assert.Equal("", await world.Kubectl.PathAsync("{.status.startTime}", "job", "held"));
        Assert.False(await world.Kubectl.HasAsync("pods", "-l", "app=held"));

        await SuspendAsync(world, "false");
        await world.EventuallyAsync("it runs", () => Task.FromResult(File.Exists(shared.File("log"))));
        Assert.NotEqual("", await world.Kubectl.PathAsync("{.status.startTime}", "job", "held"));
        await SuspendAsync(world, "true");
        await world.EventuallyAsync("it is suspended again", () => IsSuspendedAsync(world));
        await world.EventuallyAsync("its pod is gone", async () => !await world.Kubectl.HasAsync("pods", "-l", "app=held"));
        Assert.Empty(await world.Pods.RunningAsync("held"));
        await world.EventuallyAsync("the job counts no pod", async () =>
            await world.Kubectl.PathAsync("{.status.startTime}/{.status.active}/{.status.failed}", "job", "held") == "//");

        await File.WriteAllTextAsync(shared.File("go"), "");
        await SuspendAsync(world, "false");
        await world.EventuallyAsync("it is complete", () => IsCompleteAsync(world, "held"));
        Assert.Equal("started\nstarted", (await File.ReadAllTextAsync(shared.File("log"))).Trim());
        Assert.Equal("1/", await world.Kubectl.PathAsync("{.status.succeeded}/{.status.failed}", "job", "held"));
        Assert.NotEqual("", await world.Kubectl.PathAsync("{.status.startTime}", "job", "held"));

        await world.Kubectl.RunAsync("patch", "job", "held", "-p", """{"spec":{"ttlSecondsAfterFinished":0}}""");
        await world.EventuallyAsync("its time is over", async () => !await world.Kubectl.HasAsync("jobs,pods", "-l", "app=held"));
    }

    private static Task<string> SuspendAsync(EdgeWorld world, string value) =>
        world.Kubectl.RunAsync("patch", "job", "held", "-p", $$"""{"spec":{"suspend":{{value}} } }""");

    private static async Task<bool> IsSuspendedAsync(EdgeWorld world) =>
        await world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Suspended\")].status}", "job", "held") == "True";

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
                    timeoutSeconds: 30
                  volumeMounts:
                    - {name: data, mountPath: /data}
        """;

    private static async Task<bool> IsCompleteAsync(EdgeWorld world, string job) =>
        await world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Complete\")].status}", "job", job) == "True";

    /// <param name="name">Of the job, of its pods' label, and of their container.</param>
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
          labels: {app: {{name}}}
        spec:
          {{more}}
          template:
            metadata:
              labels:
                app: {{name}}
            spec:
              restartPolicy: Never{{volumes.Replace("\n", "\n      ", StringComparison.Ordinal)}}
              containers:
                - name: {{name}}
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "{{command}}"]{{mounts.Replace("\n", "\n          ", StringComparison.Ordinal)}}
        """;

    private static string SurgingDaemonSet(string word, string folder) => $$"""
        apiVersion: apps/v1
        kind: DaemonSet
        metadata:
          name: surge
          namespace: default
        spec:
          updateStrategy:
            rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
          selector:
            matchLabels: {app: surge}
          template:
            metadata:
              labels: {app: surge}
            spec:
              terminationGracePeriodSeconds: 2
              containers:
                - name: surge
                  image: {{ContainerdRig.BusyboxImage}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"]
                  env:
                    - {name: MODE, value: {{word}}}
                  readinessProbe:
                    exec: {command: ["test", "-e", "/shared/{{word}}"]}
                    periodSeconds: 1
                    timeoutSeconds: 30 # what counts is the answer, and not how long a busy machine takes to ask
                  volumeMounts:
                    - {name: shared, mountPath: /shared}
              volumes:
                - name: shared
                  hostPath: {path: {{folder}}}
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
