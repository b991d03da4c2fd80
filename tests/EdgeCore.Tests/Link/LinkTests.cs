using System.Diagnostics;
using System.Globalization;
using System.Text;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.EdgeCore.Tests.Link;

/// <summary>The real agent's link and the real hub's endpoint, over TLS, with a proxy between them.</summary>
public sealed class LinkTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(6);

    // the hub looks at its sessions once a second, and this test once in a while on a busy machine; a third heartbeat would be too late
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task The_hub_finds_a_silent_node_within_two_heartbeats()
    {
        await using var rig = await RigAsync();
        rig.Proxy.SwallowsUp = true;

        await AssertWithinTwoHeartbeats("the hub has ended the session", () => rig.Hub.Sessions.Find(LinkAgent.NodeName) is null);
    }

    [Fact]
    public async Task The_agent_finds_a_hub_that_answers_no_longer_within_two_heartbeats()
    {
        await using var rig = await RigAsync();
        rig.Proxy.SwallowsDown = true;

        await AssertWithinTwoHeartbeats("the agent has ended the session", () => !rig.Agent.IsConnected);
    }

    [Fact]
    public async Task A_resync_of_a_hundred_unchanged_objects_is_less_than_10_KB_with_its_handshake()
    {
        await using var rig = await RigAsync(objects: 100);
        var synced = rig.Agent.SyncedCount;
        var (up, down) = rig.Proxy.Cut();
        await Eventually.HoldsAsync("synced again", () => rig.Agent.SyncedCount > synced, TimeSpan.FromSeconds(20));

        (up, down) = (rig.Proxy.BytesUp - up, rig.Proxy.BytesDown - down);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"resync of 100 unchanged objects: {up} bytes up, {down} down"));
        Assert.True(up + down < 10_000);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_quiet_link_costs_less_than_60_KB_an_hour()
    {
        await using var rig = await RigAsync();
        var (up, down) = (rig.Proxy.BytesUp, rig.Proxy.BytesDown);
        var clock = Stopwatch.StartNew();

        await Eventually.HoldsAsync("two periods have passed", () => clock.Elapsed > 8 * s_heartbeat, 9 * s_heartbeat);

        // heartbeats are 6 s here and 15 s in earnest
        var scale = 3600 / (clock.Elapsed.TotalSeconds * 15 / s_heartbeat.TotalSeconds);
        var perHour = (rig.Proxy.BytesUp - up + rig.Proxy.BytesDown - down) * scale;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{rig.Proxy.BytesUp - up} bytes up, {rig.Proxy.BytesDown - down} down in {clock.Elapsed.TotalSeconds:0} s: {perHour / 1000:0.0} KB an hour"));
        Assert.True(perHour < 60_000);
    }

    private static KubeObject ConfigMap(int number) => KubeObject.Parse(Encoding.UTF8.GetBytes(
        $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c{{{number}}}","namespace":"default","uid":"{{{Guid.NewGuid()}}}","resourceVersion":"1"},"data":{"k":"v"}}"""));

    private static KubeObject Pod(int configMaps) => KubeObject.Parse(Encoding.UTF8.GetBytes(
        $$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default","uid":"p","resourceVersion":"1"},"spec":{"nodeName":"{{{LinkAgent.NodeName}}}","containers":[{"name":"c","envFrom":[
        {{{string.Join(',', Enumerable.Range(0, configMaps).Select(i => $$$"""{"configMapRef":{"name":"c{{{i}}}"}}"""))}}}]}]}}
        """));

    private async Task AssertWithinTwoHeartbeats(string what, Func<bool> holds)
    {
        var clock = Stopwatch.StartNew();
        await Eventually.HoldsAsync(what, holds, (2 * s_heartbeat) + s_look);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"found after {clock.Elapsed.TotalSeconds:0.0} s, heartbeat {s_heartbeat.TotalSeconds:0} s"));
    }

    private static async Task<Rig> RigAsync(int objects = 1)
    {
        var hub = new LinkHub(s_heartbeat);
        foreach (var i in Enumerable.Range(0, objects - 1))
        {
            hub.Caches[ResourceTypes.ConfigMap].Put(ConfigMap(i));
        }

        hub.Caches[ResourceTypes.Pod].Put(Pod(objects - 1));
        await hub.StartAsync();
        var rig = new Rig(hub, new TcpProxy(hub.Port));
        await rig.Agent.StartAsync();
        await Eventually.HoldsAsync("synced", () => rig.Agent.SyncedCount > 0 && rig.Agent.Objects.Snapshot().Count == objects);
        return rig;
    }

    private sealed class Rig(LinkHub hub, TcpProxy proxy) : IAsyncDisposable
    {
        public LinkHub Hub => hub;

        public TcpProxy Proxy => proxy;

        public LinkAgent Agent { get; } = new(hub, proxy.Port);

        public async ValueTask DisposeAsync()
        {
            await Agent.DisposeAsync();
            await proxy.DisposeAsync();
            await hub.DisposeAsync();
        }
    }
}
