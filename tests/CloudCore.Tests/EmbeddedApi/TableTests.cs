using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Tables;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

public sealed class TableTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 2, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("0/1", "Pending", "0", """{"spec":{"containers":[{}]},"status":{"phase":"Pending"}}""")]
    [InlineData("0/1", "ContainerCreating", "0", """{"spec":{"containers":[{}]},"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ContainerCreating"}}}]}}""")]
    [InlineData("1/1", "Running", "2 (60m ago)", """{"spec":{"containers":[{}]},"status":{"phase":"Running","containerStatuses":[{"ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-01-01T23:00:00Z"}}}]}}""")]
    [InlineData("0/1", "CrashLoopBackOff", "5", """{"spec":{"containers":[{}]},"status":{"phase":"Running","containerStatuses":[{"restartCount":5,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}""")]
    [InlineData("0/1", "Completed", "0", """{"spec":{"containers":[{}]},"status":{"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}}""")]
    [InlineData("0/1", "ExitCode:3", "0", """{"spec":{"containers":[{}]},"status":{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":3}}}]}}""")]
    [InlineData("1/2", "NotReady", "0", """{"spec":{"containers":[{},{}]},"status":{"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}},{"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}}""")]
    [InlineData("0/1", "Init:1/2", "0", """{"spec":{"containers":[{}],"initContainers":[{},{}]},"status":{"phase":"Pending","initContainerStatuses":[{"state":{"terminated":{"exitCode":0}}},{"state":{"running":{}}}]}}""")]
    [InlineData("0/1", "Init:Error", "0", """{"spec":{"containers":[{}],"initContainers":[{}]},"status":{"phase":"Pending","initContainerStatuses":[{"state":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}""")]
    [InlineData("0/1", "Terminating", "0", """{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{}]},"status":{"phase":"Running"}}""")]
    [InlineData("0/1", "Evicted", "0", """{"spec":{"containers":[{}]},"status":{"phase":"Failed","reason":"Evicted"}}""")]
    public void Pods_show_as_kubectl_shows_them(string ready, string status, string restarts, string json)
    {
        var cells = Cells(PodColumns.All, json);
        Assert.Equal((ready, status, restarts), ((string?)cells[1], (string?)cells[2], (string?)cells[3]));
    }

    [Theory]
    [InlineData("Ready", "edge,worker", """{"metadata":{"labels":{"node-role.kubernetes.io/worker":"","node-role.kubernetes.io/edge":""}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}""")]
    [InlineData("NotReady,SchedulingDisabled", "<none>", """{"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}""")]
    [InlineData("Unknown", "<none>", """{"status":{}}""")]
    public void Nodes_show_as_kubectl_shows_them(string status, string roles, string json)
    {
        var cells = Cells(BuiltInColumns.Nodes, json);
        Assert.Equal((status, roles), ((string?)cells[1], (string?)cells[2]));
    }

    [Theory]
    [InlineData(45, "45s")]
    [InlineData(119, "119s")]
    [InlineData(130, "2m10s")]
    [InlineData(900, "15m")]
    [InlineData(3 * 3600 + 1200, "3h20m")]
    [InlineData(10 * 3600, "10h")]
    [InlineData(3 * 86400, "3d")]
    [InlineData(3 * 86400 + 7200, "3d2h")]
    [InlineData(100 * 86400, "100d")]
    [InlineData(-1, "0s")]
    [InlineData(-5, "<invalid>")]
    public void Durations_are_short(long seconds, string text) =>
        Assert.Equal(text, CommonColumns.HumanDuration(TimeSpan.FromSeconds(seconds)));

    private static object?[] Cells(IReadOnlyList<TableColumn> columns, string json)
    {
        using var document = JsonDocument.Parse(json);
        var row = new TableRow(document.RootElement, s_now);
        return [.. columns.Select(c => c.Cell(row))];
    }
}
