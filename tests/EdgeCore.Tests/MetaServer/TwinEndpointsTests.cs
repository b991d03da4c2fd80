using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.MetaServer;
using EdgeSync.EdgeCore.Tests.DeviceTwin;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.MetaServer;

public sealed class TwinEndpointsTests
{
    [Fact]
    public async Task A_twin_has_desired_and_reported_values_with_versions_and_times()
    {
        await using var rig = await StartedAsync();
        await using var server = await ServeAsync(rig);
        var (code, twin) = await GetAsync(server, "/twins/default/thermo-1");
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(("default", "thermo-1", "online"), ((string?)twin["namespace"], (string?)twin["device"], (string?)twin["state"]));
        Assert.EndsWith("Z", (string?)twin["lastOnlineTime"], StringComparison.Ordinal);
        Assert.Equal(
            """{"reported":{"value":"21.5 °C","timestamp":1767225600123,"time":"2026-01-01T00:00:00.123000Z","version":{"cloud":0,"edge":1}},"type":"string"}""",
            twin["twins"]!["temperature"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        Assert.Equal(("22", 1), ((string?)twin["twins"]!["setpoint"]!["desired"]!["value"], (int?)twin["twins"]!["setpoint"]!["desired"]!["version"]!["cloud"]));
        Assert.Null(twin["twins"]!["setpoint"]!["reported"]);
    }

    [Fact]
    public async Task Devices_are_listed_by_namespace()
    {
        await using var rig = await StartedAsync();
        await using var server = await ServeAsync(rig);
        var (_, all) = await GetAsync(server, "/twins");
        Assert.Equal("""{"items":[{"namespace":"default","device":"thermo-1","state":"online","properties":2}]}""", all.ToJsonString());
        var (code, none) = await GetAsync(server, "/twins/elsewhere");
        Assert.Equal((HttpStatusCode.OK, """{"items":[]}"""), (code, none.ToJsonString()));
    }

    [Fact]
    public async Task An_unknown_device_is_404_with_where_to_look()
    {
        await using var rig = await StartedAsync();
        await using var server = await ServeAsync(rig);
        var (code, status) = await GetAsync(server, "/twins/default/nobody");
        Assert.Equal(HttpStatusCode.NotFound, code);
        Assert.Equal(("NotFound", 404), ((string?)status["reason"], (int?)status["code"]));
        Assert.Contains("GET /twins lists", (string?)status["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1:10550", HttpStatusCode.OK)]
    [InlineData("[::1]:10550", HttpStatusCode.OK)]
    [InlineData("evil.example", HttpStatusCode.Forbidden)]
    [InlineData("localhost.evil.example", HttpStatusCode.Forbidden)]
    [InlineData("192.168.1.5", HttpStatusCode.Forbidden)]
    public async Task Only_names_of_this_machine_are_answered(string host, HttpStatusCode expected)
    {
        await using var rig = await StartedAsync();
        await using var server = await ServeAsync(rig);
        Assert.Equal(expected, (await GetAsync(server, "/twins", host)).Code);
    }

    private static async Task<TwinRig> StartedAsync()
    {
        var rig = await TwinRig.WithoutBrokerAsync();
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1", ("setpoint", "22"));
        await rig.Agent.Twins.HandleAsync(
            [
                new MqttMessage(TwinAgent.Topic("thermo-1", "twin/update"), """{"twin":{"temperature":{"actual":{"value":"21.5 °C","metadata":{"timestamp":1767225600123}}}}}"""u8.ToArray(), 1),
                new MqttMessage(TwinAgent.Topic("thermo-1", "state/update"), """{"state":"online"}"""u8.ToArray(), 2),
            ],
            null, CancellationToken.None);
        return rig;
    }

    private static async Task<WebApplication> ServeAsync(TwinRig rig)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapTwins(rig.Agent.Twins);
        await app.StartAsync();
        return app;
    }

    private static async Task<(HttpStatusCode Code, JsonNode Body)> GetAsync(WebApplication server, string path, string? host = null)
    {
        using var http = new HttpClient { Timeout = TestKit.Eventually.DefaultDeadline };
        using var request = new HttpRequestMessage(HttpMethod.Get, server.Urls.First() + path);
        request.Headers.Host = host;
        using var response = await http.SendAsync(request);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }
}
