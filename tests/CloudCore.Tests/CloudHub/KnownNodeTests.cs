using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.CloudHub;

public sealed class KnownNodeTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UtcNow;
    private static readonly SessionIdentity s_near = new("edge-1", 2, Extended: true, "127.0.0.1") { WasNear = true };

    [Fact]
    public void A_status_that_differs_in_the_heartbeat_alone_need_not_be_written_again() =>
        Assert.NotNull(Known(Status("True", s_now.AddMinutes(-1))).WithStatus(s_near, Status("True", s_now)));

    [Fact]
    public void A_status_is_written_where_the_stored_heartbeat_is_old() =>
        Assert.Null(Known(Status("True", s_now.AddMinutes(-5))).WithStatus(s_near, Status("True", s_now)));

    [Fact]
    public void A_status_is_written_where_a_condition_differs() =>
        Assert.Null(Known(Status("Unknown", s_now)).WithStatus(s_near, Status("True", s_now)));

    [Fact]
    public void A_status_is_written_where_it_has_a_field_that_the_stored_one_lacks()
    {
        var said = Status("True", s_now);
        said["capacity"] = new JsonObject { ["cpu"] = "4" };
        Assert.Null(Known(Status("True", s_now)).WithStatus(s_near, said));
    }

    [Fact]
    public void A_node_that_was_away_for_long_is_written_in_any_case() =>
        Assert.Null(Known(Status("True", s_now)).WithStatus(s_near with { WasNear = false }, Status("True", s_now)));

    [Fact]
    public void Registration_is_written_where_a_label_is_new()
    {
        var known = Known(Status("True", s_now));
        Assert.NotNull(known.WithMetadata(s_near, Metadata("zone", "a")));
        Assert.Null(known.WithMetadata(s_near, Metadata("zone", "b")));
        Assert.Null(known.WithMetadata(s_near, Metadata("rack", "a")));
    }

    [Fact]
    public async Task A_cache_that_has_not_seen_the_last_write_says_nothing()
    {
        var cached = Node(Status("True", s_now), "10");
        var known = new KnownNode(_ => cached, TimeProvider.System);
        await known.WriteAsync(s_near, () => Task.FromResult(Node(Status("False", s_now), "11")));
        Assert.Null(known.WithStatus(s_near with { Epoch = 3 }, Status("True", s_now)));
        Assert.Null(known.WithMetadata(s_near, Metadata("zone", "a")));
        cached = Node(Status("True", s_now), "12");
        Assert.NotNull(known.WithStatus(s_near, Status("True", s_now)));
    }

    [Fact]
    public async Task A_session_that_was_told_of_one_node_ends_when_a_late_registration_has_made_another()
    {
        var known = Known(Status("True", s_now));
        await known.WriteAsync(s_near, () => Task.FromResult(Node(Status("True", s_now), "11")));
        await known.WriteAsync(s_near, () => Task.FromResult(Node(Status("True", s_now), "12")));
        var ended = await Assert.ThrowsAsync<SessionEndedException>(
            () => known.WriteAsync(s_near, () => Task.FromResult(Node(Status("True", s_now), "13", "another"))));
        Assert.Equal("its Node object is another one", ended.Message);

        // on its next connection the node says all anew
        await known.WriteAsync(s_near with { Epoch = 3 }, () => Task.FromResult(Node(Status("True", s_now), "14", "another")));
    }

    [Fact]
    public async Task After_a_write_that_failed_the_next_one_is_carried_out()
    {
        var known = new KnownNode(_ => Node(Status("True", s_now), "10"), TimeProvider.System);
        await Assert.ThrowsAsync<TimeoutException>(() => known.WriteAsync(s_near, () => throw new TimeoutException()));
        Assert.Null(known.WithStatus(s_near, Status("True", s_now)));
        await known.WriteAsync(s_near, () => Task.FromResult(Node(Status("True", s_now), "10")));
        Assert.NotNull(known.WithStatus(s_near, Status("True", s_now)));
    }

    private static KnownNode Known(JsonObject status)
    {
        var stored = Node(status, "10");
        return new KnownNode(name => name == "edge-1" ? stored : null, TimeProvider.System);
    }

    private static KubeObject Node(JsonObject status, string version, string uid = "first")
    {
        var metadata = Metadata("zone", "a");
        metadata["resourceVersion"] = version;
        metadata["uid"] = uid;
        var node = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = metadata,
            ["status"] = status,
        };
        return KubeObject.Parse(Encoding.UTF8.GetBytes(node.ToJsonString()));
    }

    private static JsonObject Metadata(string label, string value) => new()
    {
        ["name"] = "edge-1",
        ["labels"] = new JsonObject { [label] = value },
    };

    private static JsonObject Status(string ready, DateTimeOffset heartbeat) => new()
    {
        ["conditions"] = new JsonArray(new JsonObject
        {
            ["type"] = "Ready",
            ["status"] = ready,
            ["lastHeartbeatTime"] = KubeTime.Format(heartbeat),
        }),
    };
}
