using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Tests.Enrollment;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>Who owns which field, and what an apply does with fields of its own and of others.</summary>
public sealed class ServerSideApplyTests
{
    private const string Map = ApiClient.Core + "/configmaps/c";

    [Fact]
    public async Task A_create_makes_its_writer_the_owner_of_what_it_gave()
    {
        await using var host = await ApiHost.StartAsync();
        var created = await new ApiClient(host.Client()).PostAsync(
            ApiClient.Core + "/configmaps?fieldManager=x", """{"metadata":{"name":"c","labels":{"l":"1"}},"data":{"a":"1"}}""");
        Assert.Equal(
            ["x Update v1: f:data f:data/f:a f:metadata/f:labels f:metadata/f:labels/f:l"], Owners(created));
        Assert.Matches("^20", (string?)created.Body["metadata"]!["managedFields"]![0]!["time"]);
    }

    [Fact]
    public async Task A_field_that_is_applied_no_more_goes_unless_somebody_else_owns_it()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        Assert.Equal(HttpStatusCode.Created, (await ApplyAsync(client, "m", "a: '1'", "b: '2'", "z: '3'")).Code);
        Assert.Equal(HttpStatusCode.OK, (await ApplyAsync(client, "n", "a: '1'")).Code);
        var last = await ApplyAsync(client, "m", "b: '2'");
        Assert.Equal("""{"a":"1","b":"2"}""", last.Body["data"]!.ToJsonString());
        Assert.Equal(["m Apply v1: f:data/f:b", "n Apply v1: f:data/f:a"], Owners(last));
    }

    [Fact]
    public async Task Fields_of_others_are_a_conflict_that_names_them_and_force_takes_them()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        await ApplyAsync(client, "m", "a: '1'", "b: '2'");
        var one = await ApplyAsync(client, "n", "a: '9'");
        Assert.Equal(HttpStatusCode.Conflict, one.Code);
        Assert.Equal("Apply failed with 1 conflict: conflict with \"m\": .data.a", one.Message);
        var cause = one.Body["details"]!["causes"]![0]!;
        Assert.Equal("""{"reason":"FieldManagerConflict","message":"conflict with \u0022m\u0022","field":".data.a"}""", cause.ToJsonString());
        await client.MergeAsync(Map + "?fieldManager=u", """{"data":{"b":"3"}}""");
        var two = await ApplyAsync(client, "n", "a: '9'", "b: '9'");
        Assert.Equal(
            "Apply failed with 2 conflicts: conflicts with \"m\":\n- .data.a\nconflicts with \"u\" using v1:\n- .data.b", two.Message);
        var forced = await ApplyAsync(client, "n&force=true", "a: '9'", "b: '9'");
        Assert.Equal(["n Apply v1: f:data/f:a f:data/f:b"], Owners(forced));
    }

    [Fact]
    public async Task An_apply_that_changes_nothing_is_no_new_version()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        var first = await ApplyAsync(client, "m", "a: '1'");
        Assert.Equal(first.Version, (await ApplyAsync(client, "m", "a: '1'")).Version);
    }

    [Fact]
    public async Task An_update_that_changes_nothing_is_no_new_version_whatever_managed_fields_it_brings()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        var first = await ApplyAsync(client, "m", "a: '1'");
        Assert.Equal(first.Version, (await client.PutAsync(Map, first.Body.ToJsonString())).Version);
        var bare = (JsonObject)first.Body.DeepClone();
        ((JsonObject)bare["metadata"]!).Remove("managedFields");
        Assert.Equal(first.Version, (await client.PutAsync(Map, bare.ToJsonString())).Version);
    }

    [Fact]
    public async Task An_update_takes_fields_over_and_what_it_removes_is_nobodys()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        await ApplyAsync(client, "m", "a: '1'", "b: '2'", "c: '3'");
        var changed = await client.MergeAsync(Map + "?fieldManager=u", """{"data":{"a":"9","b":null}}""");
        Assert.Equal(["m Apply v1: f:data/f:c", "u Update v1: f:data/f:a"], Owners(changed));
    }

    [Fact]
    public async Task One_empty_entry_forgets_all_owners_and_the_next_apply_begins_anew()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        await ApplyAsync(client, "m", "a: '1'");
        Assert.Empty(Owners(await client.MergeAsync(Map, """{"metadata":{"managedFields":[{}]}}""")));
        Assert.Empty(Owners(await client.MergeAsync(Map, """{"data":{"z":"1"}}""")));
        var next = await ApplyAsync(client, "n", "b: '1'");
        Assert.Equal(["before-first-apply Update v1: f:data f:data/f:a f:data/f:z", "n Apply v1: f:data/f:b"], Owners(next));
    }

    [Fact]
    public async Task Containers_are_owned_by_name_and_ports_by_number_and_protocol()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        string Set(string ports) => DaemonSet("a").Replace("image: i", $"image: i, ports: [{ports}]", StringComparison.Ordinal);
        var path = ApiClient.Apps + "/daemonsets/d";
        await ApplyToAsync(client, path, "m", Set("{containerPort: 80}"));
        var both = await ApplyToAsync(client, path, "n", Set("{containerPort: 80, name: web}"));
        var container = """f:spec/f:template/f:spec/f:containers/k:{"name":"a"}""";
        var port = container + """/f:ports/k:{"containerPort":80,"protocol":"TCP"}""";
        var owned = Owners(both).Single(o => o.StartsWith("n Apply apps/v1: ", StringComparison.Ordinal)).Split(' ')[3..];
        Assert.Equal(
            [container, container + "/f:image", container + "/f:name", port, port + "/f:containerPort", port + "/f:name"],
            owned.Where(o => o.StartsWith(container, StringComparison.Ordinal)));
        Assert.DoesNotContain(port + "/f:name", Owners(both).Single(o => o.StartsWith("m ", StringComparison.Ordinal)), StringComparison.Ordinal);
        var twice = await ApplyToAsync(client, path, "n", Set("{containerPort: 80}, {containerPort: 80}"));
        Assert.Equal(HttpStatusCode.BadRequest, twice.Code);
        Assert.Equal(
            "failed to create typed patch object (default/d; apps/v1, Kind=DaemonSet): .spec.template.spec.containers[name=\"a\"].ports: duplicate entries for key [containerPort=80,protocol=\"TCP\"]",
            twice.Message);
    }

    [Fact]
    public async Task Applied_members_keep_their_order_and_others_stay_between_them()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        var path = ApiClient.Apps + "/daemonsets/d";
        await ApplyToAsync(client, path, "m", DaemonSet("a", "b", "c"));
        var merged = await ApplyToAsync(client, path, "n", DaemonSet("c", "x", "a"));
        Assert.Equal("b c x a", string.Join(' ', Containers(merged)));
        var dropped = await ApplyToAsync(client, path, "m", DaemonSet("b"));
        Assert.Equal("b c x a", string.Join(' ', Containers(dropped)));
        Assert.Equal("b", string.Join(' ', Containers(await ApplyToAsync(client, path, "n", DaemonSet("b")))));
    }

    [Fact]
    public async Task A_status_that_is_applied_is_owned_through_the_subresource()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        await client.PostAsync("/api/v1/nodes?fieldManager=x", """{"metadata":{"name":"node"}}""");
        var applied = await ApplyToAsync(
            client, "/api/v1/nodes/node/status", "s", "{apiVersion: v1, kind: Node, metadata: {name: node}, status: {conditions: [{type: Ready, status: 'True'}]}}");
        Assert.Equal(HttpStatusCode.OK, applied.Code);
        Assert.Contains(
            """s Apply v1 status: f:status/f:conditions/k:{"type":"Ready"} f:status/f:conditions/k:{"type":"Ready"}/f:status f:status/f:conditions/k:{"type":"Ready"}/f:type""",
            Owners(applied));
        Assert.Contains("Ready", applied.Body["status"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_heartbeat_only_gives_its_writers_entry_a_new_time()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time: time);
        var client = new ApiClient(host.Client());
        await client.PostAsync("/api/v1/nodes?fieldManager=x", """{"metadata":{"name":"n","labels":{"l":"1"}}}""");
        string Status(string beat) =>
            $$$"""{"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"{{{beat}}}"}]}}""";
        var first = await client.MergeAsync("/api/v1/nodes/n/status?fieldManager=k", Status("2026-01-01T00:00:00Z"));
        time.Advance(TimeSpan.FromMinutes(1));
        var second = await client.MergeAsync("/api/v1/nodes/n/status?fieldManager=k", Status("2026-01-01T00:01:00Z"));
        Assert.Equal(Owners(first), Owners(second));
        JsonNode Entry(Answer answer) => ((JsonArray)answer.Body["metadata"]!["managedFields"]!).Single(e => (string?)e!["manager"] == "k")!;
        Assert.NotEqual((string?)Entry(first)["time"], (string?)Entry(second)["time"]);
    }

    [Fact]
    public async Task Of_more_than_ten_updaters_the_oldest_become_one_entry()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time: time);
        var client = new ApiClient(host.Client());
        await client.PostAsync(ApiClient.Core + "/configmaps?fieldManager=m0", """{"metadata":{"name":"c"},"data":{"m0":"1"}}""");
        Answer last = null!;
        for (var i = 1; i < 14; i++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            last = await client.MergeAsync(FormattableString.Invariant($"{Map}?fieldManager=m{i}"), FormattableString.Invariant($$$"""{"data":{"m{{{i}}}":"1"}}"""));
        }

        var owners = Owners(last);
        Assert.Equal(10, owners.Count);
        Assert.Contains("ancient-changes Update v1: f:data f:data/f:m0 f:data/f:m1 f:data/f:m2 f:data/f:m3 f:data/f:m4", owners);
    }

    [Theory]
    [InlineData("", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}", HttpStatusCode.UnprocessableEntity, "fieldManager: Required value: is required for apply patch")]
    [InlineData("m", "{apiVersion: v2, kind: ConfigMap, metadata: {name: c}}", HttpStatusCode.BadRequest, "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1")]
    [InlineData("m", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, managedFields: []}}", HttpStatusCode.BadRequest, "metadata.managedFields must be nil")]
    [InlineData("m", "{apiVersion: v1, kind: ConfigMap, metadata: {name: d}}", HttpStatusCode.BadRequest, "the name of the object (d) does not match the name on the URL (c)")]
    [InlineData("m", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, foo: 1}", HttpStatusCode.BadRequest, ".foo: field not declared in schema")]
    [InlineData("m", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, resourceVersion: '1'}}", HttpStatusCode.BadRequest, "resourceVersion should not be set on objects to be created")]
    [InlineData("m", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, uid: abc}}", HttpStatusCode.Conflict, "uid mismatch: the provided object specified uid abc, and no existing object was found")]
    public async Task An_apply_that_cannot_be_meant_is_refused(string manager, string body, HttpStatusCode code, string why)
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        var refused = await ApplyToAsync(client, Map, manager, body);
        Assert.Equal(code, refused.Code);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Map)).Code);
    }

    [Fact]
    public async Task An_apply_of_an_older_version_is_a_conflict()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        await ApplyAsync(client, "m", "a: '1'");
        var late = await ApplyToAsync(
            client, Map, "m", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, resourceVersion: '1'}, data: {a: '2'}}");
        Assert.Equal(HttpStatusCode.Conflict, late.Code);
        Assert.Contains("the object has been modified", late.Message, StringComparison.Ordinal);
    }

    [KubectlFact]
    public async Task Kubectl_applies_on_the_server_and_moves_objects_over_that_it_applied_itself()
    {
        // entries are in the order of their seconds, then of their names: all of this is done in one
        await using var host = await ApiHost.StartAsync(time: new ManualTime());
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        string Manifest(string data) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{{data}}}";
        await kubectl.RunWithInputAsync(Manifest("a: '1', b: '2'"), "apply", "-f", "-");
        await kubectl.RunWithInputAsync(Manifest("a: '5'"), "apply", "--server-side", "-f", "-");
        Assert.Equal("""{"a":"5"}""", await kubectl.RunAsync("get", "cm", "c", "-o", "jsonpath={.data}"));
        Assert.Equal("kubectl kubectl-last-applied Apply Apply", await kubectl.RunAsync(
            "get", "cm", "c", "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager} {.metadata.managedFields[*].operation}"));
        var (code, difference) = await kubectl.TryAsync(Manifest("a: '6'"), "diff", "--server-side", "-f", "-");
        Assert.Equal(1, code);
        Assert.Contains("+  a: \"6\"", difference, StringComparison.Ordinal);
        var (refused, words) = await kubectl.TryAsync(Manifest("a: '6'"), "apply", "--server-side", "--field-manager", "other", "-f", "-");
        Assert.Equal(1, refused);
        Assert.Contains("conflict with \"kubectl\": .data.a", words, StringComparison.Ordinal);
        await kubectl.RunWithInputAsync(Manifest("a: '6'"), "apply", "--server-side", "--force-conflicts", "--field-manager", "other", "-f", "-");
        Assert.Equal("6", await kubectl.RunAsync("get", "cm", "c", "-o", "jsonpath={.data.a}"));
    }

    [Fact]
    public async Task Replicas_belong_to_whoever_scaled_last_and_a_scale_can_be_applied()
    {
        await using var host = await ApiHost.StartAsync();
        var client = new ApiClient(host.Client());
        const string set = ApiClient.Apps + "/statefulsets/s";
        await ApplyToAsync(client, set, "one", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {replicas: 2, serviceName: s, "
            + "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}");
        await client.MergeAsync(set + "/scale?fieldManager=two", """{"spec":{"replicas":3}}""");
        Assert.Equal(["two Update apps/v1 scale: f:spec/f:replicas"], await OwnersOfReplicasAsync(client, set));

        static string Scale(int replicas) => $"{{apiVersion: autoscaling/v1, kind: Scale, metadata: {{name: s}}, spec: {{replicas: {replicas}}}}}";
        var refused = await ApplyToAsync(client, set + "/scale", "three", Scale(4));
        Assert.Equal(HttpStatusCode.Conflict, refused.Code);
        Assert.Contains(".spec.replicas", refused.Message, StringComparison.Ordinal);
        Assert.Contains("conflict with \"two\" with subresource \"scale\"", refused.Message, StringComparison.Ordinal);

        // who wants what is there shares it
        Assert.Equal(HttpStatusCode.OK, (await ApplyToAsync(client, set + "/scale", "three", Scale(3))).Code);
        Assert.Equal(
            ["three Apply apps/v1 scale: f:spec/f:replicas", "two Update apps/v1 scale: f:spec/f:replicas"], await OwnersOfReplicasAsync(client, set));

        var forced = await client.SendAsync(HttpMethod.Patch, set + "/scale?fieldManager=four&force=true", Scale(5), "application/apply-patch+yaml");
        Assert.Equal(("Scale", 5), ((string?)forced.Body["kind"], (int)forced.Body["spec"]!["replicas"]!));
        Assert.Equal(["four Apply apps/v1 scale: f:spec/f:replicas"], await OwnersOfReplicasAsync(client, set));
        var wrong = await client.SendAsync(HttpMethod.Patch, set + "/scale?fieldManager=four", Scale(5).Replace("name: s", "name: t", StringComparison.Ordinal), "application/apply-patch+yaml");
        Assert.Equal(HttpStatusCode.BadRequest, wrong.Code);
    }

    private static async Task<IEnumerable<string>> OwnersOfReplicasAsync(ApiClient client, string path) =>
        Owners(await client.GetAsync(path)).Where(owner => owner.Contains("f:replicas", StringComparison.Ordinal));

    private static string DaemonSet(params string[] containers) =>
        "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: ["
        + string.Join(", ", containers.Select(c => $"{{name: {c}, image: i}}")) + "]}}}}";

    private static IEnumerable<string> Containers(Answer answer) =>
        ((JsonArray)answer.Body["spec"]!["template"]!["spec"]!["containers"]!).Select(c => (string)c!["name"]!);

    private static Task<Answer> ApplyAsync(ApiClient client, string manager, params string[] data) => ApplyToAsync(
        client, Map, manager, $"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {{{string.Join(", ", data)}}}}}");

    private static Task<Answer> ApplyToAsync(ApiClient client, string path, string manager, string yaml) =>
        client.SendAsync(HttpMethod.Patch, $"{path}?fieldManager={manager}", yaml, "application/apply-patch+yaml");

    /// <summary>A line for each entry: who, how, in which version, through what, and the paths.</summary>
    private static List<string> Owners(Answer answer) =>
    [
        .. ((JsonArray?)answer.Body["metadata"]!["managedFields"] ?? []).Select(entry =>
            $"{entry!["manager"]} {entry["operation"]} {entry["apiVersion"]}{(entry["subresource"] is { } sub ? " " + sub : "")}: "
            + string.Join(' ', Paths((JsonObject)entry["fieldsV1"]!, ""))).Order(StringComparer.Ordinal),
    ];

    private static IEnumerable<string> Paths(JsonObject fields, string above)
    {
        foreach (var (name, inner) in fields)
        {
            if (name == ".")
            {
                yield return above;
            }
            else if (inner is JsonObject { Count: 0 })
            {
                yield return above.Length == 0 ? name : $"{above}/{name}";
            }
            else
            {
                foreach (var path in Paths((JsonObject)inner!, above.Length == 0 ? name : $"{above}/{name}"))
                {
                    yield return path;
                }
            }
        }
    }
}
