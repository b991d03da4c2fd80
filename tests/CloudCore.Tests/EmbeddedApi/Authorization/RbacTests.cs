using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.Authorization;

/// <summary>Who may do what by roles and bindings.</summary>
public sealed class RbacTests(ApiFixture fixture, ITestOutputHelper output) : IClassFixture<ApiFixture>
{
    private const string Rbac = "/apis/rbac.authorization.k8s.io/v1";

    private ApiClient Admin => fixture.Api;

    [Fact]
    public async Task A_role_gives_what_it_says_in_its_namespace_and_nothing_else()
    {
        await NamespaceAsync("r1");
        await NamespaceAsync("r2");
        await RoleAsync("r1", "reader", """{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}""");
        await BindAsync("r1", "reader", "Role", "reader", """{"kind":"User","name":"r-jane"}""");
        var jane = As("r-jane");
        Assert.Equal(HttpStatusCode.OK, (await jane.GetAsync("/api/v1/namespaces/r1/pods")).Code);
        Assert.Equal(HttpStatusCode.NotFound, (await jane.GetAsync("/api/v1/namespaces/r1/pods/x")).Code);
        await RefusedAsync(
            jane.GetAsync("/api/v1/namespaces/r1/pods?watch=1"),
            "pods is forbidden: User \"r-jane\" cannot watch resource \"pods\" in API group \"\" in the namespace \"r1\"");
        await RefusedAsync(
            jane.GetAsync("/api/v1/namespaces/r2/pods"),
            "pods is forbidden: User \"r-jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"r2\"");
        await RefusedAsync(
            jane.GetAsync("/api/v1/pods"), "pods is forbidden: User \"r-jane\" cannot list resource \"pods\" in API group \"\" at the cluster scope");
        await RefusedAsync(
            jane.DeleteAsync("/api/v1/namespaces/r1/pods/x"),
            "pods \"x\" is forbidden: User \"r-jane\" cannot delete resource \"pods\" in API group \"\" in the namespace \"r1\"");
        await RefusedAsync(
            jane.StrategicAsync("/api/v1/namespaces/r1/pods/x/status", "{}"),
            "pods \"x\" is forbidden: User \"r-jane\" cannot patch resource \"pods/status\" in API group \"\" in the namespace \"r1\"");
        await RefusedAsync(
            jane.PostAsync("/apis/apps/v1/namespaces/r1/daemonsets", TestObjects.DaemonSet("x")),
            "daemonsets.apps is forbidden: User \"r-jane\" cannot create resource \"daemonsets\" in API group \"apps\" in the namespace \"r1\"");
    }

    [Fact]
    public async Task A_change_of_a_role_counts_from_the_next_request_on()
    {
        await NamespaceAsync("now");
        var joe = As("now-joe");
        const string maps = "/api/v1/namespaces/now/configmaps";
        for (var i = 0; i < 20; i++)
        {
            await RoleAsync("now", "r", """{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}""");
            await BindAsync("now", "b", "Role", "r", """{"kind":"User","name":"now-joe"}""");
            Assert.Equal(HttpStatusCode.OK, (await joe.GetAsync(maps)).Code);
            await Admin.DeleteAsync($"{Rbac}/namespaces/now/rolebindings/b");
            Assert.Equal(HttpStatusCode.Forbidden, (await joe.GetAsync(maps)).Code);
            await Admin.DeleteAsync($"{Rbac}/namespaces/now/roles/r");
        }
    }

    [Fact]
    public async Task Names_subresources_and_stars_narrow_and_widen()
    {
        await NamespaceAsync("n1");
        await RoleAsync(
            "n1", "some",
            """{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["one"],"verbs":["get","list","watch","update"]}""",
            """{"apiGroups":["*"],"resources":["*/status"],"verbs":["patch"]}""",
            """{"apiGroups":["apps"],"resources":["*"],"verbs":["*"]}""");
        await BindAsync("n1", "some", "Role", "some", """{"kind":"Group","name":"n-team"}""");
        var team = As("n-jane", "n-team");
        await Admin.PostAsync("/api/v1/namespaces/n1/configmaps", """{"metadata":{"name":"one"}}""");
        Assert.Equal(HttpStatusCode.OK, (await team.GetAsync("/api/v1/namespaces/n1/configmaps/one")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await team.GetAsync("/api/v1/namespaces/n1/configmaps/two")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await team.GetAsync("/api/v1/namespaces/n1/configmaps")).Code);
        var list = await team.GetAsync("/api/v1/namespaces/n1/configmaps?fieldSelector=metadata.name%3Done");
        Assert.Equal("one", (string?)list.Body["items"]!.AsArray().Single()!["metadata"]!["name"]);
        Assert.Equal(HttpStatusCode.NotFound, (await team.StrategicAsync("/api/v1/namespaces/n1/pods/x/status", "{}")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await team.StrategicAsync("/api/v1/namespaces/n1/pods/x", "{}")).Code);
        Assert.Equal(HttpStatusCode.Created, (await team.PostAsync("/apis/apps/v1/namespaces/n1/daemonsets", TestObjects.DaemonSet("d"))).Code);
    }

    [Fact]
    public async Task What_creates_by_an_update_or_an_apply_needs_the_right_to_create()
    {
        await NamespaceAsync("c1");
        await RoleAsync(
            "c1", "patcher", """{"apiGroups":["","coordination.k8s.io"],"resources":["configmaps","leases"],"verbs":["get","patch","update"]}""");
        await BindAsync("c1", "patcher", "Role", "patcher", """{"kind":"User","name":"c-jane"}""");
        var jane = As("c-jane");
        await RefusedAsync(
            jane.SendAsync(
                HttpMethod.Patch, "/api/v1/namespaces/c1/configmaps/x?fieldManager=f",
                """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}""", "application/apply-patch+yaml"),
            "configmaps \"x\" is forbidden: User \"c-jane\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"c1\"");
        await RefusedAsync(
            jane.PutAsync("/apis/coordination.k8s.io/v1/namespaces/c1/leases/x", """{"metadata":{"name":"x"},"spec":{}}"""),
            "leases.coordination.k8s.io \"x\" is forbidden: User \"c-jane\" cannot create resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"c1\"");
    }

    [Fact]
    public async Task Paths_are_allowed_by_ClusterRoles()
    {
        var jane = As("p-jane");
        Assert.Equal(HttpStatusCode.OK, (await jane.GetAsync("/api")).Code);
        Assert.Equal(HttpStatusCode.OK, (await jane.GetAsync("/apis/apps/v1")).Code);
        await RefusedAsync(jane.GetAsync("/metrics"), "forbidden: User \"p-jane\" cannot get path \"/metrics\"");
        await ClusterRoleAsync("p-paths", """{"nonResourceURLs":["/debug/*"],"verbs":["get"]}""");
        await ClusterBindAsync("p-paths", "p-paths", """{"kind":"User","name":"p-jane"}""");
        Assert.Equal(HttpStatusCode.NotFound, (await jane.GetAsync("/debug/x")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await jane.GetAsync("/debugging")).Code);
    }

    [Fact]
    public async Task The_reason_names_a_role_that_is_bound_and_not_there()
    {
        await ClusterBindAsync("dangling", "not-there", """{"kind":"User","name":"d-jane"}""");
        await RefusedAsync(
            As("d-jane").GetAsync("/api/v1/nodes"),
            "nodes is forbidden: User \"d-jane\" cannot list resource \"nodes\" in API group \"\" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io \"not-there\" not found");
    }

    [Fact]
    public async Task Edit_view_and_admin_are_put_together_from_their_parts()
    {
        await NamespaceAsync("agg");
        await BindAsync("agg", "v", "ClusterRole", "view", """{"kind":"User","name":"viewer"}""");
        await BindAsync("agg", "e", "ClusterRole", "edit", """{"kind":"ServiceAccount","name":"bot","namespace":"agg"}""");
        var viewer = As("viewer");
        Assert.Equal(HttpStatusCode.OK, (await viewer.GetAsync("/api/v1/namespaces/agg/pods")).Code);
        Assert.Equal(HttpStatusCode.OK, (await viewer.GetAsync("/api/v1/namespaces/agg")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await viewer.GetAsync("/api/v1/namespaces/agg/secrets")).Code);
        var bot = As("system:serviceaccount:agg:bot");
        Assert.Equal(HttpStatusCode.Created, (await bot.PostAsync("/api/v1/namespaces/agg/configmaps", """{"metadata":{"name":"a"}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await bot.GetAsync($"{Rbac}/namespaces/agg/roles")).Code);

        await Admin.PostAsync($"{Rbac}/clusterroles", """
            {"metadata":{"name":"extra-view","labels":{"rbac.authorization.k8s.io/aggregate-to-view":"true"}},
             "rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["list"]}]}
            """);
        await Eventually.HoldsAsync("view has the new rule", async () =>
            (await viewer.GetAsync("/api/v1/namespaces/agg/secrets")).Code == HttpStatusCode.OK);
        await Admin.DeleteAsync($"{Rbac}/clusterroles/extra-view");
        await Eventually.HoldsAsync("view lost the rule", async () =>
            (await viewer.GetAsync("/api/v1/namespaces/agg/secrets")).Code == HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Nobody_gives_what_he_has_not()
    {
        await NamespaceAsync("esc");
        await BindAsync("esc", "a", "ClusterRole", "admin", """{"kind":"User","name":"e-admin"}""");
        var admin = As("e-admin");
        Assert.Equal(HttpStatusCode.Created, (await admin.PostAsync(
            $"{Rbac}/namespaces/esc/roles", """{"metadata":{"name":"ok"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}]}""")).Code);
        var more = await admin.PostAsync(
            $"{Rbac}/namespaces/esc/roles", """{"metadata":{"name":"more"},"rules":[{"apiGroups":[""],"resources":["nodes"],"verbs":["get","list"]}]}""");
        Assert.Equal(HttpStatusCode.Forbidden, more.Code);
        Assert.Equal(
            "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"e-admin\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"list\"]}",
            more.Message);
        var grown = await admin.MergeAsync($"{Rbac}/namespaces/esc/roles/ok", """{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}""");
        Assert.Equal(HttpStatusCode.Forbidden, grown.Code);
        Assert.Equal(HttpStatusCode.OK, (await admin.MergeAsync($"{Rbac}/namespaces/esc/roles/ok", """{"metadata":{"labels":{"a":"b"}}}""")).Code);

        const string self = """{"metadata":{"name":"B"},"roleRef":{"kind":"ClusterRole","name":"R"},"subjects":[{"kind":"User","name":"e-admin"}]}""";
        var bindings = $"{Rbac}/namespaces/esc/rolebindings";
        Assert.Equal(HttpStatusCode.Forbidden, (await admin.PostAsync(bindings, self.Replace("\"R\"", "\"cluster-admin\"", StringComparison.Ordinal))).Code);
        Assert.Equal(HttpStatusCode.NotFound, (await admin.PostAsync(bindings, self.Replace("\"R\"", "\"no-such\"", StringComparison.Ordinal))).Code);
        Assert.Equal(HttpStatusCode.Created, (await admin.PostAsync(
            bindings, self.Replace("\"R\"", "\"view\"", StringComparison.Ordinal).Replace("\"B\"", "\"v2\"", StringComparison.Ordinal))).Code);
    }

    [Fact]
    public async Task Who_may_bind_or_escalate_gives_more_than_he_has()
    {
        await ClusterRoleAsync("be-bind", """{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"resourceNames":["view"],"verbs":["bind"]}""",
            """{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterrolebindings","clusterroles"],"verbs":["create"]}""",
            """{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"resourceNames":["be-any"],"verbs":["escalate"]}""");
        await ClusterBindAsync("be", "be-bind", """{"kind":"User","name":"be-jane"}""");
        var jane = As("be-jane");
        Assert.Equal(HttpStatusCode.Created, (await jane.PostAsync(
            $"{Rbac}/clusterrolebindings", """{"metadata":{"name":"be-1"},"roleRef":{"kind":"ClusterRole","name":"view"}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await jane.PostAsync(
            $"{Rbac}/clusterrolebindings", """{"metadata":{"name":"be-2"},"roleRef":{"kind":"ClusterRole","name":"edit"}}""")).Code);
        Assert.Equal(HttpStatusCode.Created, (await jane.PostAsync(
            $"{Rbac}/clusterroles", """{"metadata":{"name":"be-any"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}""")).Code);
        var aggregated = await jane.PostAsync(
            $"{Rbac}/clusterroles", """{"metadata":{"name":"be-agg"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}}""");
        Assert.Equal(
            "clusterroles.rbac.authorization.k8s.io \"be-agg\" is forbidden: must have cluster-admin privileges to use the aggregationRule", aggregated.Message);
    }

    [Theory]
    [InlineData("namespaces/default/roles", """{"rules":[{"apiGroups":[""],"resources":["pods"]}]}""", "rules[0].verbs: Required value: verbs must contain at least one value")]
    [InlineData("namespaces/default/roles", """{"rules":[{"resources":["pods"],"verbs":["get"]}]}""", "rules[0].apiGroups: Required value: resource rules must supply at least one api group")]
    [InlineData("namespaces/default/roles", """{"rules":[{"apiGroups":[""],"verbs":["get"]}]}""", "rules[0].resources: Required value: resource rules must supply at least one resource")]
    [InlineData("namespaces/default/roles", """{"rules":[{"nonResourceURLs":["/x"],"verbs":["get"]}]}""", "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs")]
    [InlineData("clusterroles", """{"rules":[{"nonResourceURLs":["/x"],"resources":["a"],"verbs":["get"]}]}""", "rules cannot apply to both regular resources and non-resource URLs")]
    [InlineData("clusterroles", """{"aggregationRule":{}}""", "aggregationRule.clusterRoleSelectors: Required value")]
    [InlineData("namespaces/default/rolebindings", """{"roleRef":{"kind":"Pod","name":"x"}}""", "roleRef.kind: Unsupported value: \"Pod\": supported values: \"ClusterRole\", \"Role\"")]
    [InlineData("namespaces/default/rolebindings", """{"roleRef":{"kind":"Role"}}""", "roleRef.name: Required value")]
    [InlineData("clusterrolebindings", """{"roleRef":{"kind":"ClusterRole","name":"x"},"subjects":[{"kind":"ServiceAccount","name":"a"}]}""", "subjects[0].namespace: Required value")]
    [InlineData("clusterrolebindings", """{"roleRef":{"kind":"ClusterRole","name":"x"},"subjects":[{"kind":"Robot","name":"a"}]}""", "subjects[0].kind: Unsupported value: \"Robot\"")]
    [InlineData("clusterrolebindings", """{"roleRef":{"kind":"ClusterRole","name":"x","apiGroup":"y"}}""", "roleRef.apiGroup: Unsupported value: \"y\"")]
    public async Task What_makes_no_sense_is_refused(string path, string body, string words)
    {
        var node = JsonNode.Parse(body)!;
        node["metadata"] = new JsonObject { ["name"] = "bad" };
        var answer = await Admin.PostAsync($"{Rbac}/{path}", node.ToJsonString());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        Assert.Contains(words, answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_binding_binds_cannot_be_changed()
    {
        await ClusterBindAsync("fixed", "view", """{"kind":"User","name":"x"}""");
        var answer = await Admin.MergeAsync($"{Rbac}/clusterrolebindings/fixed", """{"roleRef":{"name":"edit"}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        Assert.Contains("cannot change roleRef", answer.Message, StringComparison.Ordinal);
        var subjects = await Admin.GetAsync($"{Rbac}/clusterrolebindings/fixed");
        Assert.Equal("rbac.authorization.k8s.io", (string?)subjects.Body["subjects"]![0]!["apiGroup"]);
    }

    [Fact]
    public async Task Access_reviews_answer_with_the_reason()
    {
        var review = await Admin.PostAsync("/apis/authorization.k8s.io/v1/subjectaccessreviews", """
            {"spec":{"user":"system:kube-scheduler","resourceAttributes":{"verb":"create","resource":"pods","subresource":"binding","namespace":"default"}}}
            """);
        Assert.True((bool)review.Body["status"]!["allowed"]!);
        Assert.Equal(
            "RBAC: allowed by ClusterRoleBinding \"system:kube-scheduler\" of ClusterRole \"system:kube-scheduler\" to User \"system:kube-scheduler\"",
            (string?)review.Body["status"]!["reason"]);
        var denied = await As("ar-jane").PostAsync("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", """
            {"spec":{"resourceAttributes":{"verb":"get","resource":"nodes"}}}
            """);
        Assert.Equal(HttpStatusCode.Created, denied.Code);
        Assert.False((bool)denied.Body["status"]!["allowed"]!);
        var path = await As("ar-jane").PostAsync("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", """
            {"spec":{"nonResourceAttributes":{"verb":"get","path":"/healthz"}}}
            """);
        Assert.True((bool)path.Body["status"]!["allowed"]!);
        var neither = await Admin.PostAsync("/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"user":"x"}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, neither.Code);
        Assert.Contains("exactly one of nonResourceAttributes or resourceAttributes must be specified", neither.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, (await As("ar-jane").PostAsync(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"user":"x","resourceAttributes":{"verb":"get","resource":"pods"}}}""")).Code);
        var local = await Admin.PostAsync("/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews", """
            {"spec":{"user":"x","resourceAttributes":{"verb":"get","resource":"pods","namespace":"other"}}}
            """);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, local.Code);
        var rules = await As("ar-jane").PostAsync("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", """{"spec":{"namespace":"default"}}""");
        Assert.Contains("selfsubjectaccessreviews", rules.Body["status"]!["resourceRules"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.False((bool)rules.Body["status"]!["incomplete"]!);
    }

    [Fact]
    public async Task The_first_roles_are_completed_at_each_start_unless_somebody_says_no()
    {
        using var folder = new TempFolder();
        await using (var host = await ApiHost.StartAsync(folder.Path))
        {
            var api = new ApiClient(host.Client());
            await api.MergeAsync($"{Rbac}/clusterroles/system:basic-user", """{"rules":[{"apiGroups":["x"],"resources":["y"],"verbs":["get"]}]}""");
            await api.MergeAsync(
                $"{Rbac}/clusterroles/system:discovery",
                """{"metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"}},"rules":[]}""");
            await api.DeleteAsync($"{Rbac}/clusterroles/view");
            await api.MergeAsync($"{Rbac}/clusterrolebindings/system:discovery", """{"subjects":[]}""");
        }

        await using var again = await ApiHost.StartAsync(folder.Path);
        var admin = new ApiClient(again.Client());
        var basic = (await admin.GetAsync($"{Rbac}/clusterroles/system:basic-user")).Body["rules"]!.ToJsonString();
        Assert.Contains("selfsubjectaccessreviews", basic, StringComparison.Ordinal);
        Assert.Contains("\"y\"", basic, StringComparison.Ordinal);
        Assert.Empty((await admin.GetAsync($"{Rbac}/clusterroles/system:discovery")).Body["rules"]?.AsArray() ?? []);
        Assert.NotEmpty((await admin.GetAsync($"{Rbac}/clusterroles/view")).Body["rules"]!.AsArray());
        Assert.Equal(
            "system:authenticated", (string?)(await admin.GetAsync($"{Rbac}/clusterrolebindings/system:discovery")).Body["subjects"]![0]!["name"]);
    }

    /// <summary>The target is well under 10 µs; the limit leaves room for a machine that does other things too.</summary>
    [Fact]
    public void A_decision_among_five_thousand_bindings_takes_microseconds()
    {
        var roles = StoreState.Nothing.ToBuilder();
        var bindings = StoreState.Nothing.ToBuilder();
        for (var i = 0; i < 5000; i++)
        {
            Put(roles, $"role-{i}", $$$"""{"rules":[{"apiGroups":[""],"resources":["pods","kind{{{i}}}"],"resourceNames":["n{{{i}}}"],"verbs":["get","list"]}]}""");
            Put(bindings, $"binding-{i}", $$$"""{"roleRef":{"kind":"ClusterRole","name":"role-{{{i}}}"},"subjects":[{"kind":"User","name":"u{{{i % 50}}}"},{"kind":"Group","name":"g{{{i % 7}}}"}]}""");
        }

        var sources = new RbacSources(roles.ToImmutable(), StoreState.Nothing, bindings.ToImmutable(), StoreState.Nothing);
        var compiling = Stopwatch.StartNew();
        var snapshot = new RbacSnapshot(sources, null);
        var first = compiling.Elapsed;
        var again = Stopwatch.StartNew();
        snapshot = new RbacSnapshot(sources, snapshot);
        var second = again.Elapsed;
        var asked = new AccessAttributes
        {
            User = new UserInfo("u7", ["team", UserInfo.Authenticated]),
            Verb = "get",
            Resource = "kind4957",
            Name = "n4957",
            Namespace = "default",
        };
        Assert.True(snapshot.Decide(asked).Allowed);
        Assert.False(snapshot.Decide(asked with { Name = "other" }).Allowed);
        var best = double.MaxValue;
        var limit = Stopwatch.StartNew();

        // the best of twenty rounds; of more where others have the processor, or the compiler has not come to it yet
        for (var round = 0; round < 20 || (best > 10 && limit.Elapsed < TimeSpan.FromSeconds(20)); round++)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < 1000; i++)
            {
                snapshot.Decide(asked);
            }

            best = Math.Min(best, watch.Elapsed.TotalMicroseconds / 1000);
        }

        output.WriteLine($"decision {best:0.00} µs; compiled in {first.TotalMilliseconds:0.0} ms, again after a change {second.TotalMilliseconds:0.0} ms");
        Assert.InRange(best, 0, 10);

        static void Put(System.Collections.Immutable.ImmutableSortedDictionary<NamespacedName, StoredObject>.Builder all, string name, string json) =>
            all[new NamespacedName("", name)] = new StoredObject(new NamespacedName("", name), "", 1, System.Text.Encoding.UTF8.GetBytes(json));
    }

    private static async Task RefusedAsync(Task<Answer> asked, string words)
    {
        var answer = await asked;
        Assert.Equal((HttpStatusCode.Forbidden, words), (answer.Code, answer.Message));
        Assert.Equal("Forbidden", answer.Reason);
    }

    private ApiClient As(string user, params string[] groups) => new(fixture.Host.Client(user, groups));

    private Task NamespaceAsync(string name) => CreatedAsync("/api/v1/namespaces", $$$"""{"metadata":{"name":"{{{name}}}"}}""");

    private Task RoleAsync(string ns, string name, params string[] rules) =>
        CreatedAsync($"{Rbac}/namespaces/{ns}/roles", $$$"""{"metadata":{"name":"{{{name}}}"},"rules":[{{{string.Join(',', rules)}}}]}""");

    private Task ClusterRoleAsync(string name, params string[] rules) =>
        CreatedAsync($"{Rbac}/clusterroles", $$$"""{"metadata":{"name":"{{{name}}}"},"rules":[{{{string.Join(',', rules)}}}]}""");

    private Task BindAsync(string ns, string name, string kind, string role, string subject) => CreatedAsync(
        $"{Rbac}/namespaces/{ns}/rolebindings",
        $$$"""{"metadata":{"name":"{{{name}}}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"{{{kind}}}","name":"{{{role}}}"},"subjects":[{{{subject}}}]}""");

    private Task ClusterBindAsync(string name, string role, string subject) => CreatedAsync(
        $"{Rbac}/clusterrolebindings",
        $$$"""{"metadata":{"name":"{{{name}}}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"{{{role}}}"},"subjects":[{{{subject}}}]}""");

    private async Task CreatedAsync(string path, string body)
    {
        var answer = await Admin.PostAsync(path, body);
        Assert.True(answer.Code == HttpStatusCode.Created, answer.Message);
    }
}
