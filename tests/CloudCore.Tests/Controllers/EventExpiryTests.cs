using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class EventExpiryTests
{
    [Fact]
    public async Task Events_go_when_they_were_last_told_an_hour_ago()
    {
        await using var rig = await WorkloadRig.StartAsync(
            new ControllersOptions { NodeMonitorGracePeriod = TimeSpan.FromHours(1), EventTtl = TimeSpan.FromSeconds(2), EventSweepPeriod = TimeSpan.FromMilliseconds(200) });
        await EventAsync(rig, "brief", DateTimeOffset.UtcNow);
        await EventAsync(rig, "lasting", DateTimeOffset.UtcNow.AddHours(1));
        await rig.HoldsAsync("the old one is gone", async () => await rig.GetAsync(ApiResources.Events, "brief") is null);
        Assert.NotNull(await rig.GetAsync(ApiResources.Events, "lasting"));
    }

    [Theory]
    [InlineData("2026-01-01T00:00:00Z", null, null, null, "2026-01-01T00:00:00Z")]
    [InlineData("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", null, null, "2026-01-01T01:00:00Z")]
    [InlineData("2026-01-01T00:00:00Z", null, "2026-01-01T02:00:00.000001Z", null, "2026-01-01T02:00:00Z")]
    [InlineData("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", null, "2026-01-01T03:00:00.000000Z", "2026-01-01T03:00:00Z")]
    public void The_latest_of_its_times_counts(string created, string? last, string? eventTime, string? series, string expected) => Assert.Equal(
        expected,
        KubeTime.Format(EventExpiry.LastTold(new EventGist
        {
            Metadata = new ObjectMeta { CreationTimestamp = created },
            LastTimestamp = last,
            EventTime = eventTime,
            Series = series is null ? null : new EventGistSeries { LastObservedTime = series },
        })));

    private static Task<KubeObject> EventAsync(WorkloadRig rig, string name, DateTimeOffset last) => rig.CreateAsync(ApiResources.Events, $$$"""
        {"metadata":{"name":"{{{name}}}"},"involvedObject":{"kind":"Pod","namespace":"default","name":"p"},"reason":"Test","message":"m","type":"Normal",
         "lastTimestamp":"{{{KubeTime.Format(last)}}}","count":1}
        """);
}
