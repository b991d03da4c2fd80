using System.Net;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>One server for all tests of the class; each uses names of its own.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    internal ApiHost Host { get; private set; } = null!;

    internal ApiClient Api { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Host = await ApiHost.StartAsync();
        Api = new ApiClient(Host.Client());
    }

    public async Task DisposeAsync() => await Host.DisposeAsync();
}

public sealed class ApiTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Pods = ApiClient.Core + "/pods";
    private const string Maps = ApiClient.Core + "/configmaps";

    private ApiClient Api => fixture.Api;

    [Fact]
    public async Task Anonymous_callers_get_health_and_version_and_nothing_else()
    {
        var anonymous = fixture.Host.Client(user: null);
        foreach (var path in (string[])["/healthz", "/livez", "/readyz", "/version"])
        {
            using var open = await anonymous.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, open.StatusCode);
        }

        var refused = await new ApiClient(anonymous).GetAsync(Pods);
        Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
        Assert.StartsWith("pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_is_bound_to_anonymous_callers_opens_nothing()
    {
        const string bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        var binding = """{"metadata":{"name":"open"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"system:unauthenticated"},{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"system:anonymous"}]}""";
        Assert.Equal(HttpStatusCode.Created, (await Api.PostAsync(bindings, binding)).Code);
        var anonymous = fixture.Host.Client(user: null);
        Assert.Equal(HttpStatusCode.Forbidden, (await new ApiClient(anonymous).GetAsync(Pods)).Code);
        anonymous.DefaultRequestHeaders.Add("Impersonate-User", "admin");
        Assert.Equal(HttpStatusCode.Forbidden, (await new ApiClient(anonymous).GetAsync(Pods)).Code);
        await Api.DeleteAsync($"{bindings}/open");
    }

    [Fact]
    public async Task A_node_certificate_is_forbidden_in_kubernetes_words()
    {
        var node = new ApiClient(fixture.Host.Client("system:node:edge-1", "system:nodes"));
        var refused = await node.GetAsync(Pods);
        Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
        Assert.Equal(
            "pods is forbidden: User \"system:node:edge-1\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\": can only list/watch pods with spec.nodeName field selector",
            refused.Message);
    }

    [Theory]
    [InlineData("/api/v1/namespaces/default/gadgets")]
    [InlineData("/apis/batch/v2/jobs")]
    [InlineData("/api/v1/pods/x")]
    public async Task What_is_not_served_is_404_as_kubernetes_says_it(string path)
    {
        var answer = await Api.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, answer.Code);
        Assert.Equal("the server could not find the requested resource", answer.Message);
    }

    [Theory]
    [InlineData("/", HttpStatusCode.OK)]
    [InlineData("/nothing", HttpStatusCode.NotFound)]
    public async Task Who_looks_around_is_told_the_paths(string path, HttpStatusCode code)
    {
        var answer = await Api.GetAsync(path);
        Assert.Equal(code, answer.Code);
        var paths = ((JsonArray)answer.Body["paths"]!).Select(p => (string)p!).ToList();
        Assert.Superset(new HashSet<string> { "/api/v1", "/apis/apps/v1", "/healthz", "/openapi/v2", "/openapi/v3/apis/apps/v1", "/version" }, paths.ToHashSet());
    }

    [Theory]
    [InlineData("{", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("[]", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("{\"metadata\":[]}", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("a: [", "application/yaml", HttpStatusCode.BadRequest)]
    [InlineData("x", "text/plain", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("k8s", "application/vnd.kubernetes.protobuf", HttpStatusCode.BadRequest)]
    public async Task A_body_that_cannot_be_read_is_refused(string body, string type, HttpStatusCode code)
    {
        var answer = await Api.PostAsync(Maps, body, type);
        Assert.Equal(code, answer.Code);
        Assert.Equal("Failure", (string?)answer.Body["status"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_over_the_limit_is_413_with_and_without_a_length(bool chunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Maps)
        {
            Content = new StringContent($"{{\"metadata\":{{\"name\":\"big\"}},\"data\":{{\"a\":\"{new string('x', 4 << 20)}\"}}}}", System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = chunked;
        using var response = await fixture.Host.Client().SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_nested_too_deep_is_refused()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 500)) + "1" + new string('}', 500);
        Assert.Equal(HttpStatusCode.BadRequest, (await Api.PostAsync(Maps, deep)).Code);
    }

    [Theory]
    [InlineData("{\"a\":")]
    [InlineData("[")]
    [InlineData("- ")]
    public async Task Yaml_that_is_nested_too_deep_is_refused_soon(string level)
    {
        var deep = string.Concat(Enumerable.Repeat(level, 100_000));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var refused = await Api.PostAsync(Maps, deep, "application/yaml");
        Assert.Equal(HttpStatusCode.BadRequest, refused.Code);
        Assert.Contains("nested deeper than", refused.Message, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"it took {clock.Elapsed}");
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"nameless","":{}}}""")]
    [InlineData("""{"metadata":{"name":"nameless"},"":1}""")]
    public async Task A_member_without_a_name_is_an_unknown_field(string body)
    {
        var refused = await Api.PostAsync(Maps + "?fieldValidation=Strict", body);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Code);
        Assert.Contains("unknown field", refused.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await Api.PostAsync(Maps + "?dryRun=All", body)).Code);
        await Api.PostAsync(Maps, """{"metadata":{"name":"unnamed"}}""");
        Assert.Equal(HttpStatusCode.OK, (await Api.StrategicAsync(Maps + "/unnamed", """{"metadata":{"":{}},"":1}""")).Code);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"\ud800"}}""")]
    [InlineData("""{"metadata":{"name":"a","\udc00":"x"}}""")]
    public async Task Json_with_half_of_a_surrogate_pair_is_refused_in_words(string body)
    {
        var refused = await Api.PostAsync(Maps, body);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Code);
        Assert.StartsWith("the body is not valid JSON", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Yaml_keys_that_stand_twice_are_told_and_the_last_counts()
    {
        const string body = "metadata: {name: twice}\ndata:\n  k: one\n  k: two\n";
        var strict = await Api.PostAsync(Maps + "?fieldValidation=Strict", body, "application/yaml");
        Assert.Equal(HttpStatusCode.BadRequest, strict.Code);
        Assert.Contains("line 4: key \"k\" already set in map", strict.Message, StringComparison.Ordinal);
        var warned = await Api.PostAsync(Maps, body, "application/yaml");
        Assert.Equal(HttpStatusCode.Created, warned.Code);
        Assert.Equal("two", (string?)warned.Body["data"]!["k"]);
        Assert.Contains("already set in map", Assert.Single(warned.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Yaml_is_as_good_as_json()
    {
        var answer = await Api.PostAsync(Maps, "metadata:\n  name: yaml\ndata: {a: \"1\"}\n", "application/yaml");
        Assert.Equal(HttpStatusCode.Created, answer.Code);
        Assert.Equal("1", (string?)answer.Body["data"]!["a"]);
    }

    [Fact]
    public async Task An_update_from_an_old_version_is_a_conflict_and_one_that_changes_nothing_keeps_the_version()
    {
        var made = await Api.PostAsync(Maps, """{"metadata":{"name":"conflict"},"data":{"a":"1"}}""");
        var same = await Api.PutAsync(Maps + "/conflict", """{"data":{"a":"1"},"metadata":{"name":"conflict"}}""");
        Assert.Equal(made.Version, same.Version);
        var changed = await Api.PutAsync(Maps + "/conflict", """{"data":{"a":"2"},"metadata":{"name":"conflict"}}""");
        Assert.NotEqual(made.Version, changed.Version);
        var old = await Api.PutAsync(
            Maps + "/conflict", $$$"""{"data":{"a":"3"},"metadata":{"name":"conflict","resourceVersion":"{{{made.Version}}}"}}""");
        Assert.Equal((HttpStatusCode.Conflict, "Conflict"), (old.Code, old.Reason));
        Assert.Equal(
            "Operation cannot be fulfilled on configmaps \"conflict\": the object has been modified; please apply your changes to the latest version and try again",
            old.Message);
    }

    [Fact]
    public async Task Many_patches_of_one_object_at_once_all_arrive()
    {
        await Api.PostAsync(Maps, """{"metadata":{"name":"many"}}""");
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(
            i => Api.MergeAsync(Maps + "/many", $$$"""{"data":{"k{{{i}}}":"v"}}""")));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.Code));
        Assert.Equal(40, ((JsonObject)(await Api.GetAsync(Maps + "/many")).Body["data"]!).Count);
    }

    [Fact]
    public async Task A_generated_name_has_the_prefix_and_differs_each_time()
    {
        var first = await Api.PostAsync(Maps, """{"metadata":{"generateName":"gen-"}}""");
        var second = await Api.PostAsync(Maps, """{"metadata":{"generateName":"gen-"}}""");
        var name = (string)first.Body["metadata"]!["name"]!;
        Assert.StartsWith("gen-", name, StringComparison.Ordinal);
        Assert.NotEqual(name, (string?)second.Body["metadata"]!["name"]);
    }

    [Fact]
    public async Task Status_writes_leave_the_spec_alone_and_spec_writes_the_status()
    {
        const string set = ApiClient.Apps + "/daemonsets";
        await Api.PostAsync(set, TestObjects.DaemonSet("split"));
        var status = await Api.MergeAsync(set + "/split/status", """{"status":{"numberReady":3},"spec":{"minReadySeconds":9},"metadata":{"labels":{"x":"y"}}}""");
        Assert.Equal(3, (int)status.Body["status"]!["numberReady"]!);
        Assert.Null(status.Body["spec"]!["minReadySeconds"]);
        Assert.Equal("y", (string?)status.Body["metadata"]!["labels"]!["x"]);
        Assert.Equal(1, (int)status.Body["metadata"]!["generation"]!);
        var spec = await Api.MergeAsync(set + "/split", """{"status":{"numberReady":7},"spec":{"minReadySeconds":9}}""");
        Assert.Equal(3, (int)spec.Body["status"]!["numberReady"]!);
        Assert.Equal(2, (int)spec.Body["metadata"]!["generation"]!);
        var labels = await Api.MergeAsync(set + "/split", """{"metadata":{"labels":{"x":"z"}}}""");
        Assert.Equal(2, (int)labels.Body["metadata"]!["generation"]!);
    }

    [Fact]
    public async Task A_pod_on_a_node_is_deleted_in_two_steps()
    {
        await Api.PostAsync(Pods, TestObjects.Pod("grace", node: "edge-1"));
        var marked = await Api.DeleteAsync(Pods + "/grace");
        Assert.Equal(30, (int)marked.Body["metadata"]!["deletionGracePeriodSeconds"]!);
        Assert.NotNull(marked.Body["metadata"]!["deletionTimestamp"]);
        Assert.Equal(HttpStatusCode.OK, (await Api.GetAsync(Pods + "/grace")).Code);
        var wrong = await Api.DeleteAsync(Pods + "/grace", """{"gracePeriodSeconds":0,"preconditions":{"uid":"other"}}""");
        Assert.Equal(HttpStatusCode.Conflict, wrong.Code);
        await Api.DeleteAsync(Pods + "/grace?gracePeriodSeconds=0");
        Assert.Equal(HttpStatusCode.NotFound, (await Api.GetAsync(Pods + "/grace")).Code);
    }

    [Fact]
    public async Task A_pod_without_a_node_goes_at_once()
    {
        await Api.PostAsync(Pods, TestObjects.Pod("homeless", node: null));
        await Api.DeleteAsync(Pods + "/homeless");
        Assert.Equal(HttpStatusCode.NotFound, (await Api.GetAsync(Pods + "/homeless")).Code);
    }

    [Fact]
    public async Task A_finalizer_holds_an_object_until_it_is_taken_away()
    {
        await Api.PostAsync(Maps, """{"metadata":{"name":"held","finalizers":["example.com/hold"]}}""");
        await Api.DeleteAsync(Maps + "/held");
        var held = await Api.GetAsync(Maps + "/held");
        Assert.NotNull(held.Body["metadata"]!["deletionTimestamp"]);
        var added = await Api.MergeAsync(Maps + "/held", """{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, added.Code);
        await Api.MergeAsync(Maps + "/held", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(HttpStatusCode.NotFound, (await Api.GetAsync(Maps + "/held")).Code);
    }

    [Fact]
    public async Task A_dry_run_checks_everything_and_stores_nothing()
    {
        var made = await Api.PostAsync(Maps + "?dryRun=All", """{"metadata":{"name":"dry"}}""");
        Assert.Equal(HttpStatusCode.Created, made.Code);
        Assert.Equal(HttpStatusCode.NotFound, (await Api.GetAsync(Maps + "/dry")).Code);
        var bad = await Api.PostAsync(Maps + "?dryRun=All", """{"metadata":{"name":"D"}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, bad.Code);
    }

    [Fact]
    public async Task Unknown_fields_are_refused_warned_about_or_dropped_as_asked()
    {
        const string body = """{"metadata":{"name":"fields"},"daata":{},"data":{"a":"b"}}""";
        var strict = await Api.PostAsync(Maps + "?fieldValidation=Strict", body);
        Assert.Equal(HttpStatusCode.BadRequest, strict.Code);
        Assert.Contains("strict decoding error: unknown field \"daata\"", strict.Message, StringComparison.Ordinal);
        var warned = await Api.PostAsync(Maps, body);
        Assert.Equal(HttpStatusCode.Created, warned.Code);
        Assert.Contains("unknown field", Assert.Single(warned.Warnings), StringComparison.Ordinal);
        Assert.Null(warned.Body["daata"]);
    }

    [Fact]
    public async Task A_warning_that_quotes_what_no_header_may_hold_is_still_given()
    {
        var answer = await Api.PostAsync(Maps, """{"metadata":{"name":"quoted"},"f\u00fc\n\"x":1}""");
        Assert.Equal(HttpStatusCode.Created, answer.Code);
        Assert.Contains("f??", Assert.Single(answer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_namespaces_cannot_be_deleted()
    {
        var answer = await Api.DeleteAsync("/api/v1/namespaces/default");
        Assert.Equal(HttpStatusCode.Forbidden, answer.Code);
        Assert.Equal("namespaces \"default\" is forbidden: this namespace may not be deleted", answer.Message);
    }

    [Fact]
    public async Task Unconditional_updates_of_one_object_at_once_all_succeed()
    {
        await Api.PostAsync(Maps, """{"metadata":{"name":"race"}}""");
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(
            i => Api.PutAsync(Maps + "/race", $$$"""{"metadata":{"name":"race"},"data":{"i":"{{{i}}}"}}""")));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.Code));
    }

    [Fact]
    public async Task Defaults_are_written_as_kubernetes_writes_them()
    {
        var set = await Api.PostAsync(ApiClient.Apps + "/daemonsets", TestObjects.DaemonSet("defaults"));
        var spec = set.Body["spec"]!;
        Assert.Equal("""{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1,"maxSurge":0}}""", spec["updateStrategy"]!.ToJsonString());
        Assert.Equal(10, (int)spec["revisionHistoryLimit"]!);
        var metadata = (JsonObject)spec["template"]!["metadata"]!;
        Assert.True(metadata.ContainsKey("creationTimestamp") && metadata["creationTimestamp"] is null);
        var pod = (JsonObject)spec["template"]!["spec"]!;
        Assert.Equal(
            ("Always", "ClusterFirst", 30, "default-scheduler", "IfNotPresent"),
            ((string)pod["restartPolicy"]!, (string)pod["dnsPolicy"]!, (int)pod["terminationGracePeriodSeconds"]!,
                (string)pod["schedulerName"]!, (string)pod["containers"]![0]!["imagePullPolicy"]!));
        Assert.Empty((JsonObject)pod["securityContext"]!);
    }

    [Fact]
    public async Task Deleting_a_namespace_deletes_its_content_and_nothing_new_gets_in()
    {
        await Api.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"doomed"}}""");
        await Api.PostAsync("/api/v1/namespaces/doomed/configmaps", """{"metadata":{"name":"c","finalizers":["example.com/hold"]}}""");
        var terminating = await Api.DeleteAsync("/api/v1/namespaces/doomed");
        Assert.Equal("Terminating", (string?)terminating.Body["status"]!["phase"]);
        var refused = await Api.PostAsync("/api/v1/namespaces/doomed/configmaps", """{"metadata":{"name":"d"}}""");
        Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
        await TestKit.Eventually.HoldsAsync("the content is marked", async () =>
            (await Api.GetAsync("/api/v1/namespaces/doomed/configmaps/c")).Body["metadata"]!["deletionTimestamp"] is not null);
        await Api.MergeAsync("/api/v1/namespaces/doomed/configmaps/c", """{"metadata":{"finalizers":null}}""");
        await TestKit.Eventually.HoldsAsync("the namespace is gone", async () =>
            (await Api.GetAsync("/api/v1/namespaces/doomed")).Code == HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_list_comes_in_pages_that_together_are_the_whole()
    {
        await Api.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"pages"}}""");
        const string path = "/api/v1/namespaces/pages/configmaps";
        await Task.WhenAll(Enumerable.Range(0, 7).Select(i => Api.PostAsync(path, $$$"""{"metadata":{"name":"c{{{i}}}"}}""")));
        var names = new List<string>();
        var token = "";
        do
        {
            var page = await Api.GetAsync($"{path}?limit=3&continue={Uri.EscapeDataString(token)}");
            names.AddRange(((JsonArray)page.Body["items"]!).Select(i => (string)i!["metadata"]!["name"]!));
            token = (string?)page.Body["metadata"]!["continue"] ?? "";
        }
        while (token.Length > 0);

        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"c{i}"), names);
        Assert.Equal(HttpStatusCode.BadRequest, (await Api.GetAsync($"{path}?continue=xyz")).Code);
    }

    [Theory]
    [InlineData("labelSelector=app%3Da", "s1")]
    [InlineData("labelSelector=app!%3Da,app", "s2")]
    [InlineData("labelSelector=app+in+(a,b)", "s1 s2")]
    [InlineData("labelSelector=!app", "s3")]
    [InlineData("fieldSelector=spec.nodeName%3Dn1", "s1 s3")]
    [InlineData("fieldSelector=spec.nodeName!%3Dn1,metadata.name%3Ds2", "s2")]
    [InlineData("fieldSelector=status.phase%3DRunning", "")]
    public async Task Selectors_choose(string query, string expected)
    {
        const string path = "/api/v1/namespaces/kube-public/pods";
        await Api.PostAsync(path, TestObjects.Pod("s1", "n1", "app", "a"));
        await Api.PostAsync(path, TestObjects.Pod("s2", "n2", "app", "b"));
        await Api.PostAsync(path, TestObjects.Pod("s3", "n1"));
        var list = await Api.GetAsync($"{path}?{query}");
        Assert.Equal(expected, string.Join(' ', ((JsonArray)list.Body["items"]!).Select(i => (string)i!["metadata"]!["name"]!)));
    }

    [Fact]
    public async Task Events_are_the_same_objects_in_both_groups()
    {
        await Api.PostAsync(
            ApiClient.Core + "/events",
            """{"metadata":{"name":"e1"},"involvedObject":{"kind":"Pod","name":"p"},"message":"hello","reason":"R","type":"Normal","count":2}""");
        var other = await Api.GetAsync("/apis/events.k8s.io/v1/namespaces/default/events/e1");
        Assert.Equal("hello", (string?)other.Body["note"]);
        Assert.Equal("p", (string?)other.Body["regarding"]!["name"]);
        Assert.Equal("events.k8s.io/v1", (string?)other.Body["apiVersion"]);
        await Api.MergeAsync("/apis/events.k8s.io/v1/namespaces/default/events/e1", """{"note":"bye"}""");
        Assert.Equal("bye", (string?)(await Api.GetAsync(ApiClient.Core + "/events/e1")).Body["message"]);
    }

    [Fact]
    public async Task A_pod_is_bound_once()
    {
        await Api.PostAsync(Pods, TestObjects.Pod("bind", node: null));
        var bound = await Api.PostAsync(Pods + "/bind/binding", """{"target":{"kind":"Node","name":"n1"}}""");
        Assert.Equal(HttpStatusCode.Created, bound.Code);
        Assert.Equal("n1", (string?)(await Api.GetAsync(Pods + "/bind")).Body["spec"]!["nodeName"]);
        var again = await Api.PostAsync(Pods + "/bind/binding", """{"target":{"kind":"Node","name":"n2"}}""");
        Assert.Equal(HttpStatusCode.Conflict, again.Code);
    }
}
