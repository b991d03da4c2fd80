using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>kubectl's commands for the built-in kinds, done with the real one.</summary>
public sealed class KubectlKindsTests
{
    private const string CronJob = """
        apiVersion: batch/v1
        kind: CronJob
        metadata: {name: nightly}
        spec:
          schedule: "0 3 * * *"
          timeZone: Europe/Berlin
          jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "i:1"}]}}}}
        """;

    [KubectlFact]
    public async Task A_deployment_is_created_scaled_exposed_and_rolled_out()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        await kubectl.RunAsync("create", "deployment", "web", "--image", "nginx:1", "--replicas", "2");
        Has("0/2", await kubectl.RunAsync("get", "deployment", "web"));
        Has("scaled", await kubectl.RunAsync("scale", "deployment", "web", "--replicas", "3", "--current-replicas", "2"));
        Has("0/3", await kubectl.RunAsync("get", "deploy"));
        var (code, output) = await kubectl.TryAsync(null, "scale", "deployment", "web", "--replicas", "1", "--current-replicas", "9");
        Assert.NotEqual(0, code);
        Has("Expected replicas to be 9, was 3", output);
        Has("3", await kubectl.RunAsync("get", "deployment", "web", "--subresource=scale", "-o", "jsonpath={.spec.replicas}"));
        Has("exposed", await kubectl.RunAsync("expose", "deployment", "web", "--port", "80", "--target-port", "8080"));
        Has("80/TCP", await kubectl.RunAsync("get", "svc", "web"));
        Has("autoscaled", await kubectl.RunAsync("autoscale", "deployment", "web", "--min", "1", "--max", "5", "--cpu-percent", "60"));
        Has("Deployment/web", await kubectl.RunAsync("get", "hpa"));
        Has("paused", await kubectl.RunAsync("rollout", "pause", "deployment/web"));
        Has("resumed", await kubectl.RunAsync("rollout", "resume", "deployment/web"));
        Has("restarted", await kubectl.RunAsync("rollout", "restart", "deployment/web"));
        Has("image updated", await kubectl.RunAsync("set", "image", "deployment/web", "nginx=nginx:2"));
        Has("nginx:2", await kubectl.RunAsync("get", "all", "-o", "wide"));
        Has("Replicas:", await kubectl.RunAsync("describe", "deployment", "web"));
        Has("Endpoints:", await kubectl.RunAsync("describe", "service", "web"));
        Has("deleted", await kubectl.RunAsync("delete", "deployment", "web"));
    }

    [KubectlFact]
    public async Task Jobs_are_made_from_cron_jobs_and_waited_for()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        var api = new ApiClient(host.Client());
        await kubectl.RunWithInputAsync(CronJob, "apply", "-f", "-");
        Has("Europe/Berlin", await kubectl.RunAsync("get", "cronjobs"));
        await kubectl.RunAsync("create", "job", "now", "--from=cronjob/nightly");
        Has("0/1", await kubectl.RunAsync("get", "jobs"));
        using var wait = kubectl.Start("wait", "--for=condition=complete", "job/now", "--timeout=30s");
        await api.MergeAsync("/apis/batch/v1/namespaces/default/jobs/now/status", """{"status":{"succeeded":1,"conditions":[{"type":"Complete","status":"True"}]}}""");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        await wait.WaitForExitAsync(deadline.Token);
        Assert.Equal(0, wait.ExitCode);
        Has("Complete", await kubectl.RunAsync("get", "job", "now"));
        Has("Pods Statuses:", await kubectl.RunAsync("describe", "job", "now"));
        Has("Schedule:", await kubectl.RunAsync("describe", "cronjob", "nightly"));
        Has("deleted", await kubectl.RunAsync("delete", "job", "now", "--wait=false"));
    }

    [KubectlFact]
    public async Task A_drain_evicts_what_its_budget_lets_go_and_waits_for_the_rest()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        var api = new ApiClient(host.Client());
        await api.PostAsync("/api/v1/nodes", """{"metadata":{"name":"n"}}""");
        await api.PostAsync(ApiClient.Core + "/pods", """{"metadata":{"name":"guarded","labels":{"app":"g"}},"spec":{"nodeName":"n","terminationGracePeriodSeconds":0,"containers":[{"name":"c","image":"i"}]}}""");
        await api.MergeAsync(ApiClient.Core + "/pods/guarded/status", """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}""");
        await kubectl.RunAsync("create", "pdb", "guard", "--selector", "app=g", "--min-available", "1");
        const string budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/guard/status";
        await api.MergeAsync(budget, """{"status":{"observedGeneration":1,"disruptionsAllowed":0,"currentHealthy":1,"desiredHealthy":1}}""");
        var (code, output) = await kubectl.TryAsync(null, "drain", "n", "--force", "--timeout", "3s");
        Assert.NotEqual(0, code);
        Has("Cannot evict pod as it would violate the pod's disruption budget", output);
        await api.MergeAsync(budget, """{"status":{"disruptionsAllowed":1}}""");
        Has("drained", await kubectl.RunAsync("drain", "n", "--force", "--timeout", "30s"));
        Has("SchedulingDisabled", await kubectl.RunAsync("get", "node", "n"));
        Has("tainted", await kubectl.RunAsync("taint", "nodes", "n", "a=b:NoSchedule"));
        Has("uncordoned", await kubectl.RunAsync("uncordon", "n"));
    }

    [KubectlFact]
    public async Task Every_kind_can_be_listed_and_described()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        await kubectl.RunWithInputAsync(OneOfEach, "create", "-f", "-");
        var kinds = (await kubectl.RunAsync("api-resources", "--verbs=list", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        // figures come from the nodes through the hub, and there is none here
        foreach (var kind in kinds.Where(k => !k.EndsWith(".metrics.k8s.io", StringComparison.Ordinal)))
        {
            await kubectl.RunAsync("get", kind, "-A", "-o", "wide");
        }

        foreach (var kind in (string[])
            ["endpoints", "limitrange", "resourcequota", "pv", "pvc", "replicaset", "statefulset", "endpointslice", "networkpolicy", "ingress", "ingressclass", "storageclass", "priorityclass", "pdb", "rc", "hpa", "runtimeclass"])
        {
            Has("one", await kubectl.RunAsync("describe", kind, "one"));
        }
    }

    private const string OneOfEach = """
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: Endpoints, metadata: {name: one}, subsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]}
        - {apiVersion: v1, kind: LimitRange, metadata: {name: one}, spec: {limits: [{type: Container, max: {cpu: "1"}}]}}
        - {apiVersion: v1, kind: ResourceQuota, metadata: {name: one}, spec: {hard: {pods: "3"}}}
        - {apiVersion: v1, kind: PersistentVolume, metadata: {name: one}, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /a}}}
        - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: one}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
        - {apiVersion: v1, kind: ReplicationController, metadata: {name: one}, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}
        - {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: one}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}
        - {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: one}, spec: {serviceName: s, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}
        - {apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: one}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], ports: [{port: 80}]}
        - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: one}, spec: {podSelector: {}}}
        - {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: one}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}
        - {apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: one}, spec: {controller: a.b/c}}
        - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: one}, provisioner: a.b/c}
        - {apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: one}, value: 3}
        - {apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: one}, handler: h}
        - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: one}, spec: {minAvailable: 1}}
        - {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: one}, spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}}
        """;

    private static void Has(string part, string output) => Assert.Contains(part, output, StringComparison.Ordinal);
}
