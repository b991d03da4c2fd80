using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What the server itself does with the built-in kinds beyond storing them.</summary>
public sealed class KindsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Services = ApiClient.Core + "/services";
    private const string Budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    private const string Template = "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";

    private ApiClient Api => fixture.Api;

    [Fact]
    public async Task A_budget_that_allows_nothing_refuses_the_eviction_and_one_that_allows_it_is_charged()
    {
        const string pod = ApiClient.Core + "/pods/guarded";
        await Api.PostAsync(ApiClient.Core + "/pods", """{"metadata":{"name":"guarded","labels":{"app":"guarded"}},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}}""");
        await Api.MergeAsync(pod + "/status", """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}""");
        await Api.PostAsync(Budgets, """{"metadata":{"name":"guard"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"guarded"}}}}""");
        const string eviction = """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"guarded"}}""";

        var uncounted = await Api.PostAsync(pod + "/eviction", eviction);
        Assert.Equal((HttpStatusCode.TooManyRequests, "TooManyRequests"), (uncounted.Code, uncounted.Reason));
        Assert.Equal(10, (int)uncounted.Body["details"]!["retryAfterSeconds"]!);
        await Api.MergeAsync(Budgets + "/guard/status", """{"status":{"observedGeneration":1,"disruptionsAllowed":0,"currentHealthy":1,"desiredHealthy":1}}""");
        var refused = await Api.PostAsync(pod + "/eviction", eviction);
        Assert.Equal("The disruption budget guard needs 1 healthy pods and has 1 currently", (string?)refused.Body["details"]!["causes"]![0]!["message"]);
        Assert.Null((await Api.GetAsync(pod)).Body["metadata"]!["deletionTimestamp"]);

        await Api.MergeAsync(Budgets + "/guard/status", """{"status":{"disruptionsAllowed":1}}""");
        Assert.Equal(HttpStatusCode.Created, (await Api.PostAsync(pod + "/eviction", eviction)).Code);
        Assert.NotNull((await Api.GetAsync(pod)).Body["metadata"]!["deletionTimestamp"]);
        var charged = (await Api.GetAsync(Budgets + "/guard")).Body["status"]!;
        Assert.Equal(0, (int)charged["disruptionsAllowed"]!);
        Assert.NotNull(charged["disruptedPods"]!["guarded"]);
    }

    [Fact]
    public async Task Services_created_at_once_get_what_is_set_until_there_is_none_and_pods_the_patience_that_is_set()
    {
        using var folder = new TempFolder();
        var options = new EmbeddedApiOptions
        {
            DataDir = folder.Path,
            Admission = new AdmissionSettings
            {
                Services = new ServiceNetwork { ClusterIpRange = ServiceNetwork.ParseRange("10.7.0.0/28")!.Value, NodePorts = (30000, 30019) },
                NotReadyTolerationSeconds = 60,
                UnreachableTolerationSeconds = 7200,
            },
        };
        await using var host = await ApiHost.StartAsync(folder.Path, options: options);
        var api = new ApiClient(host.Client());
        var made = await Task.WhenAll(Enumerable.Range(0, 13).Select(i => api.PostAsync(
            Services, $$$"""{"metadata":{"name":"s{{{i}}}"},"spec":{"type":"NodePort","ports":[{"port":80}]} }""")));
        Assert.All(made, answer => Assert.Equal(HttpStatusCode.Created, answer.Code));
        Assert.Equal(13, made.Select(answer => (string?)answer.Body["spec"]!["clusterIP"]).Distinct().Count());
        Assert.Equal(13, made.Select(answer => (int)answer.Body["spec"]!["ports"]![0]!["nodePort"]!).Distinct().Count());

        var full = await api.PostAsync(Services, """{"metadata":{"name":"more"},"spec":{"ports":[{"port":80}]}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, full.Code);
        Assert.Contains("range is full: 10.7.0.0/28", full.Message, StringComparison.Ordinal);
        var pod = await api.PostAsync(
            "/api/v1/namespaces/default/pods", """{"metadata":{"name":"waits"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");
        Assert.Equal([60, 7200], pod.Body["spec"]!["tolerations"]!.AsArray().Select(toleration => (int)toleration!["tolerationSeconds"]!));
        await api.DeleteAsync(Services + "/s3");
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync(Services, """{"metadata":{"name":"more"},"spec":{"ports":[{"port":80}]}}""")).Code);
    }

    [Fact]
    public async Task A_generation_counts_what_is_asked_for_and_for_deployments_their_annotations()
    {
        const string path = ApiClient.Apps + "/deployments/counted";
        await Api.PostAsync(ApiClient.Apps + "/deployments", $$$$"""{"metadata":{"name":"counted"},"spec":{"selector":{"matchLabels":{"a":"b"}},{{{{Template}}}}}}""");
        await Api.MergeAsync(path, """{"metadata":{"labels":{"x":"y"}}}""");
        Assert.Equal(1, await GenerationAsync(path));
        await Api.MergeAsync(path, """{"metadata":{"annotations":{"x":"y"}}}""");
        Assert.Equal(2, await GenerationAsync(path));
        await Api.MergeAsync(path, """{"spec":{"replicas":3}}""");
        Assert.Equal(3, await GenerationAsync(path));
        await Api.MergeAsync(path + "/scale", """{"spec":{"replicas":4}}""");
        Assert.Equal(4, await GenerationAsync(path));
        await Api.MergeAsync(path + "/status", """{"status":{"replicas":4}}""");
        Assert.Equal(4, await GenerationAsync(path));
    }

    [Fact]
    public async Task A_job_gets_a_selector_that_no_other_job_has()
    {
        var job = await Api.PostAsync("/apis/batch/v1/namespaces/default/jobs", """{"metadata":{"name":"once"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}""");
        var uid = (string?)job.Body["metadata"]!["uid"];
        Assert.Equal(uid, (string?)job.Body["spec"]!["selector"]!["matchLabels"]!["batch.kubernetes.io/controller-uid"]);
        var labels = job.Body["spec"]!["template"]!["metadata"]!["labels"]!;
        Assert.Equal((uid, uid, "once", "once"), (
            (string?)labels["batch.kubernetes.io/controller-uid"], (string?)labels["controller-uid"],
            (string?)labels["batch.kubernetes.io/job-name"], (string?)labels["job-name"]));
        var deleted = await Api.DeleteAsync("/apis/batch/v1/namespaces/default/jobs/once");
        Assert.Contains(deleted.Warnings, warning => warning.Contains("child pods are preserved by default", StringComparison.Ordinal));
        Assert.Equal("orphan", (string?)deleted.Body["metadata"]!["finalizers"]![0]);
    }

    [Theory]
    [InlineData("*/5 * * * *", null)]
    [InlineData("0 0 1,15 jan-mar mon", null)]
    [InlineData("@hourly", null)]
    [InlineData("@every 1h30m", null)]
    [InlineData("61 * * * *", "end of range (61) above maximum (59): 61")]
    [InlineData("* * * *", "expected exactly 5 fields, found 4: [* * * *]")]
    [InlineData("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3")]
    [InlineData("*/0 * * * *", "step of range should be a positive number: */0")]
    [InlineData("@sometimes", "unrecognized descriptor: @sometimes")]
    [InlineData("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax")]
    public void Schedules_are_read_as_cron_reads_them(string schedule, string? problem) =>
        Assert.Equal(problem, CloudCore.EmbeddedApi.Validation.CronSchedule.Check(schedule));

    [Fact]
    public async Task A_cron_jobs_time_zone_must_be_known()
    {
        const string jobs = "/apis/batch/v1/namespaces/default/cronjobs";
        static string Body(string name, string zone) => $$$$"""
            {"metadata":{"name":"{{{{name}}}}"},"spec":{"schedule":"* * * * *","timeZone":"{{{{zone}}}}",
             "jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}} }}}
            """;
        Assert.Equal(HttpStatusCode.Created, (await Api.PostAsync(jobs, Body("known", "Europe/Berlin"))).Code);
        var refused = await Api.PostAsync(jobs, Body("unknown", "Mars/Olympus"));
        Assert.Contains("spec.timeZone: Invalid value: \"Mars/Olympus\": unknown time zone Mars/Olympus", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pods_take_the_priority_of_their_class_and_the_default_account_at_admission()
    {
        await Api.PostAsync("/apis/scheduling.k8s.io/v1/priorityclasses", """{"metadata":{"name":"all"},"value":5,"globalDefault":true}""");
        var pod = await Api.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("ordinary", null));
        await Api.DeleteAsync("/apis/scheduling.k8s.io/v1/priorityclasses/all");
        var spec = pod.Body["spec"]!;
        Assert.Equal(("all", 5, "default"), ((string?)spec["priorityClassName"], (int)spec["priority"]!, (string?)spec["serviceAccountName"]));
        Assert.Equal(
            ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"],
            spec["tolerations"]!.AsArray().Select(t => (string)t!["key"]!));
    }

    [Fact]
    public async Task A_namespace_says_what_it_waits_for()
    {
        await Api.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"waits"}}""");
        await Api.PostAsync("/api/v1/namespaces/waits/configmaps", """{"metadata":{"name":"held","finalizers":["a.b/c"]}}""");
        await Api.PostAsync("/apis/batch/v1/namespaces/waits/jobs", """{"metadata":{"name":"j"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}""");
        await Api.DeleteAsync("/api/v1/namespaces/waits");
        await Eventually.HoldsAsync("it is said", async () => (await ConditionsAsync()).Any(c =>
            (string?)c["type"] == "NamespaceContentRemaining" && (string?)c["message"] == "Some resources are remaining: configmaps. has 1 resource instances"));
        Assert.Contains(await ConditionsAsync(), c => (string?)c["message"] == "Some content in the namespace has finalizers remaining: a.b/c in 1 resource instances");
        var refused = await Api.PostAsync("/api/v1/namespaces/waits/configmaps", """{"metadata":{"name":"new"}}""");
        Assert.Equal("NamespaceTerminating", (string?)refused.Body["details"]!["causes"]![0]!["reason"]);
        await Api.MergeAsync("/api/v1/namespaces/waits/configmaps/held", """{"metadata":{"finalizers":null}}""");
        await Eventually.HoldsAsync("it is gone", async () => (await Api.GetAsync("/api/v1/namespaces/waits")).Code == HttpStatusCode.NotFound);

        async Task<IEnumerable<JsonNode>> ConditionsAsync() =>
            (await Api.GetAsync("/api/v1/namespaces/waits")).Body["status"]?["conditions"]?.AsArray().Select(c => c!) ?? [];
    }

    [Fact]
    public async Task Ephemeral_containers_are_added_through_their_subresource_only()
    {
        const string pod = ApiClient.Core + "/pods/debugged";
        await Api.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("debugged", "n"));
        const string added = """{"spec":{"ephemeralContainers":[{"name":"shell","image":"busybox","targetContainerName":"c"}]}}""";
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await Api.StrategicAsync(pod, added)).Code);
        var done = await Api.StrategicAsync(pod + "/ephemeralcontainers", added);
        Assert.Equal((HttpStatusCode.OK, "shell"), (done.Code, (string?)done.Body["spec"]!["ephemeralContainers"]![0]!["name"]));
        var changed = await Api.StrategicAsync(pod + "/ephemeralcontainers", added.Replace("busybox", "other", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, changed.Code);
    }

    [Fact]
    public async Task A_pod_is_resized_through_its_subresource_only_and_stays_in_its_class()
    {
        const string pod = ApiClient.Core + "/pods/resized";
        await Api.PostAsync(ApiClient.Core + "/pods", """{"metadata":{"name":"resized"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"2"}}}]}}""");
        const string wanted = """{"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"500m"}}}]}}""";
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await Api.StrategicAsync(pod, wanted)).Code);
        var done = await Api.StrategicAsync(pod + "/resize", wanted);
        Assert.Equal((HttpStatusCode.OK, "500m"), (done.Code, (string?)done.Body["spec"]!["containers"]![0]!["resources"]!["requests"]!["cpu"]));
        var other = await Api.StrategicAsync(pod + "/resize", """{"spec":{"containers":[{"name":"c","resources":null}]}}""");
        Assert.Contains("QOS Class may not change", other.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_autoscaler_is_one_object_in_two_versions()
    {
        const string v1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
        const string v2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
        await Api.PostAsync(v1, """{"metadata":{"name":"h"},"spec":{"maxReplicas":3,"targetCPUUtilizationPercentage":50,"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"}}}""");
        var newer = await Api.GetAsync(v2 + "/h");
        Assert.Equal(50, (int)newer.Body["spec"]!["metrics"]![0]!["resource"]!["target"]!["averageUtilization"]!);
        Assert.Equal(1, (int)newer.Body["spec"]!["minReplicas"]!);
        await Api.MergeAsync(v2 + "/h", """{"spec":{"metrics":[{"type":"Resource","resource":{"name":"memory","target":{"type":"Utilization","averageUtilization":70}}}]}}""");
        var older = await Api.GetAsync(v1 + "/h");
        Assert.Null(older.Body["spec"]!["targetCPUUtilizationPercentage"]);
        Assert.Contains("memory", (string?)older.Body["metadata"]!["annotations"]!["autoscaling.alpha.kubernetes.io/metrics"], StringComparison.Ordinal);
        await Api.MergeAsync(v1 + "/h", """{"spec":{"maxReplicas":5}}""");
        Assert.Equal("memory", (string?)(await Api.GetAsync(v2 + "/h")).Body["spec"]!["metrics"]![0]!["resource"]!["name"]);
    }

    private async Task<int> GenerationAsync(string path) => (int)(await Api.GetAsync(path)).Body["metadata"]!["generation"]!;
}
