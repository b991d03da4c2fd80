using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>Kubernetes' own controller manager and scheduler cannot tell the embedded API from a kube-apiserver, and kubectl neither.</summary>
public sealed class KubernetesProgramsTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    [KubernetesProgramsFact]
    public async Task Deployments_jobs_cron_jobs_and_namespaces_are_carried_out_by_kubernetes_own_programs()
    {
        await using var cloud = await ProgramsCloud.InitializedAsync();
        cloud.RunOptions = ["--controllers=-*"];
        await cloud.StartAsync();
        await using var programs = ControlPlanePrograms.Start(cloud);
        using var client = cloud.NewAdministratorClient();
        await using var node = await NodeStandIn.RegisterAsync(client);
        var kubectl = cloud.Kubectl;
        try
        {
            await HoldsAsync("the controller manager has made the service account", async () => await kubectl.HasAsync("serviceaccount", "default"));
            await DeploymentAsync(kubectl);
            await JobsAsync(kubectl);
            await NamespaceAsync(kubectl);
            await DaemonSetAndStatefulSetAsync(kubectl);
        }
        catch (Exception e) when (e is TimeoutException or CommandFailedException)
        {
            throw new TimeoutException($"{e.Message}\n{cloud.LogTail()}\n{programs.LogTail()}", e);
        }
    }

    private async Task DeploymentAsync(ProgramsKubectl kubectl)
    {
        await kubectl.RunAsync("create", "deployment", "web", "--image=nginx:1", "--replicas=2");
        Assert.Contains("successfully rolled out", await RolledOutAsync(kubectl), StringComparison.Ordinal);
        Assert.Equal("stand-in stand-in", await kubectl.PathAsync("{.items[*].spec.nodeName}", "pods", "-l", "app=web"));

        await kubectl.RunAsync("scale", "deployment", "web", "--replicas=5");
        await RolledOutAsync(kubectl);
        Assert.Equal("5", await kubectl.PathAsync("{.status.readyReplicas}", "deployment", "web"));

        await kubectl.RunAsync("set", "image", "deployment/web", "nginx=nginx:2");
        await RolledOutAsync(kubectl);
        Assert.Equal(["1", "2"], await RevisionsAsync(kubectl));
        Assert.Equal("nginx:2", await ImagesAsync(kubectl));

        await kubectl.RunAsync("rollout", "undo", "deployment/web");
        await RolledOutAsync(kubectl);
        Assert.Equal("nginx:1", await ImagesAsync(kubectl));
        Assert.Equal(["2", "3"], await RevisionsAsync(kubectl));

        await kubectl.RunAsync("rollout", "pause", "deployment/web");
        await kubectl.RunAsync("set", "image", "deployment/web", "nginx=nginx:3");
        await HoldsAsync("the paused deployment has been looked at", async () =>
            await kubectl.PathAsync("{.metadata.generation}", "deployment", "web") == await kubectl.PathAsync("{.status.observedGeneration}", "deployment", "web"));
        Assert.Equal("nginx:1", await ImagesAsync(kubectl));
        await kubectl.RunAsync("rollout", "resume", "deployment/web");
        await RolledOutAsync(kubectl);
        Assert.Equal("nginx:3", await ImagesAsync(kubectl));

        var before = await kubectl.PathAsync("{.items[*].metadata.uid}", "pods", "-l", "app=web");
        await kubectl.RunAsync("rollout", "restart", "deployment/web");
        await RolledOutAsync(kubectl);
        await HoldsAsync("the restarted pods are others", async () =>
            !(await kubectl.PathAsync("{.items[*].metadata.uid}", "pods", "-l", "app=web")).Split(' ').Intersect(before.Split(' ')).Any());

        await kubectl.RunAsync("delete", "deployment", "web", "--cascade=foreground", "--timeout=80s");
        Assert.Equal("", await kubectl.PathAsync("{.items[*].metadata.name}", "replicasets,pods", "-l", "app=web"));
    }

    private async Task JobsAsync(ProgramsKubectl kubectl)
    {
        await kubectl.RunAsync("create", "job", "once", "--image=busybox");
        await CompletesAsync(kubectl, "once");

        // the controller manager of 1.20 knows cron jobs by batch/v1beta1 alone, and so does its kubectl
        await kubectl.RunAsync("create", "cronjob", "nightly", "--image=busybox", "--schedule=0 3 * * *");
        await kubectl.RunAsync("create", "job", "by-hand", "--from=cronjob/nightly");
        await CompletesAsync(kubectl, "by-hand");
        await kubectl.RunAsync("create", "cronjob", "often", "--image=busybox", "--schedule=* * * * *");
        await HoldsAsync("the cron job has made a job by its schedule", async () =>
            (await kubectl.PathAsync("{.items[?(@.metadata.ownerReferences[0].name==\"often\")].status.succeeded}", "jobs")).Contains('1', StringComparison.Ordinal));
        await kubectl.RunAsync("delete", "cronjob", "often", "nightly");
    }

    private async Task NamespaceAsync(ProgramsKubectl kubectl)
    {
        await kubectl.RunAsync("create", "namespace", "team");
        await HoldsAsync("its service account is there", async () => await kubectl.HasAsync("serviceaccount", "default", "-n", "team"));
        await HoldsAsync("the CA is published in it", async () => await kubectl.HasAsync("configmap", "kube-root-ca.crt", "-n", "team"));
        await kubectl.RunAsync("-n", "team", "create", "deployment", "web", "--image=nginx:1");
        await kubectl.RunAsync("-n", "team", "rollout", "status", "deployment/web", "--timeout=80s");
        await kubectl.RunAsync("delete", "namespace", "team", "--wait=false");
        await HoldsAsync("the namespace is gone, with all in it", async () => !await kubectl.HasAsync("namespace", "team"));
    }

    private async Task DaemonSetAndStatefulSetAsync(ProgramsKubectl kubectl)
    {
        await kubectl.ApplyAsync("""
            apiVersion: apps/v1
            kind: DaemonSet
            metadata: {name: each, namespace: default}
            spec:
              selector: {matchLabels: {app: each}}
              template: {metadata: {labels: {app: each}}, spec: {containers: [{name: c, image: "i:1"}]}}
            ---
            apiVersion: apps/v1
            kind: StatefulSet
            metadata: {name: db, namespace: default}
            spec:
              serviceName: db
              replicas: 2
              selector: {matchLabels: {app: db}}
              template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: "i:1"}]}}
            ---
            apiVersion: policy/v1
            kind: PodDisruptionBudget
            metadata: {name: db, namespace: default}
            spec: {minAvailable: 1, selector: {matchLabels: {app: db}}}
            """);
        await kubectl.RunAsync("rollout", "status", "daemonset/each", "--timeout=80s");
        await kubectl.RunAsync("rollout", "status", "statefulset/db", "--timeout=80s");
        Assert.Equal("db-0 db-1", await kubectl.PathAsync("{.items[*].metadata.name}", "pods", "-l", "app=db"));
        await HoldsAsync("the budget is counted", async () => await kubectl.PathAsync("{.status.disruptionsAllowed}", "pdb", "db") == "1");
    }

    private static Task<string> RolledOutAsync(ProgramsKubectl kubectl) => kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=80s");

    /// <summary>Of the pods that are to stay.</summary>
    private static async Task<string> ImagesAsync(ProgramsKubectl kubectl)
    {
        var pods = (await kubectl.JsonAsync("pods", "-l", "app=web"))["items"]!.AsArray();
        return string.Join(' ', pods.Where(p => p!["metadata"]!["deletionTimestamp"] is null).Select(p => (string)p!["spec"]!["containers"]![0]!["image"]!).Distinct());
    }

    private static async Task<string[]> RevisionsAsync(ProgramsKubectl kubectl) =>
        [.. (await kubectl.RunAsync("rollout", "history", "deployment/web")).Split('\n').Skip(2).Select(l => l.Split(' ')[0]).Where(r => r.Length > 0)];

    private Task CompletesAsync(ProgramsKubectl kubectl, string job) => HoldsAsync(
        $"the job {job} is complete", async () => await kubectl.PathAsync("{.status.conditions[?(@.type==\"Complete\")].status}", "job", job) == "True");

    private Task HoldsAsync(string what, Func<Task<bool>> condition)
    {
        output.WriteLine(what);
        return Eventually.HoldsAsync(what, condition, s_limit);
    }
}

/// <summary>A test with Kubernetes' own programs on the embedded API: skipped, with the reason, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubernetesProgramsFactAttribute : FactAttribute
{
    public KubernetesProgramsFactAttribute()
    {
        var assets = Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") ?? "";
        Skip = assets.Length == 0 ? "KUBEBUILDER_ASSETS is not set (a folder with kube-controller-manager and kube-scheduler)"
            : ((string[])[Path.Combine(assets, "kube-controller-manager"), Path.Combine(assets, "kube-scheduler"), "kubectl", ProgramsLocation.CloudCore])
                .FirstOrDefault(p => !ProgramsCommand.Exists(p)) is { } missing ? $"{missing} is not there" : null;
    }
}
