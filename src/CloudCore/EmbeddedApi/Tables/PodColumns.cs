using System.Globalization;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of <c>kubectl get pods</c>; the STATUS word follows Kubernetes' printer rule by rule.</summary>
internal static class PodColumns
{
    private static readonly Resources.RowCompletion s_succeeded = new("Succeeded", "The pod has completed successfully.");
    private static readonly Resources.RowCompletion s_failed = new("Failed", "The pod failed.");

    public static readonly IReadOnlyList<TableColumn> All =
    [
        CommonColumns.Name,
        new("Ready", "string", row => Ready(row.Root)),
        new("Status", "string", row => Status(row.Root)),
        new("Restarts", "string", row => Restarts(row.Root, row.Now)),
        CommonColumns.Age,
        new("IP", "string", row => PodIp(row.Root), Wide: true),
        new("Node", "string", row => OrNone(row.Root.At("spec", "nodeName").Text()), Wide: true),
        new("Nominated Node", "string", row => OrNone(row.Root.At("status", "nominatedNodeName").Text()), Wide: true),
        new("Readiness Gates", "string", row => ReadinessGates(row.Root), Wide: true),
    ];

    /// <summary>How the pod has ended; null where it goes on.</summary>
    public static Resources.RowCompletion? Completion(JsonElement pod) => pod.At("status", "phase").Text() switch
    {
        "Succeeded" => s_succeeded,
        "Failed" => s_failed,
        _ => null,
    };

    private static string Ready(JsonElement pod)
    {
        var total = pod.At("spec", "containers").Items().Count() + Sidecars(pod).Count;
        var ready = pod.At("status", "containerStatuses").Items().Count(c => IsTrue(c.At("ready")) && c.At("state", "running").ValueKind == JsonValueKind.Object);
        ready += pod.At("status", "initContainerStatuses").Items()
            .Count(c => Sidecars(pod).Contains(c.At("name").Text()) && IsTrue(c.At("ready")));
        return string.Create(CultureInfo.InvariantCulture, $"{ready}/{total}");
    }

    private static string Status(JsonElement pod)
    {
        var status = pod.At("status");
        var reason = status.At("reason").Text() is { Length: > 0 } given ? given : status.At("phase").Text();
        foreach (var condition in status.At("conditions").Items())
        {
            if (condition.At("type").Text() == "PodScheduled" && condition.At("reason").Text() == "SchedulingGated")
            {
                reason = "SchedulingGated";
            }
        }

        reason = InitReason(pod) ?? ContainerReason(status, reason);
        if (pod.At("metadata", "deletionTimestamp").ValueKind != JsonValueKind.String)
        {
            return reason;
        }

        return status.At("reason").Text() == "NodeLost" ? "Unknown"
            : status.At("phase").Text() is "Succeeded" or "Failed" ? reason : "Terminating";
    }

    /// <summary>What the first init container that is not done is doing; null where all are done.</summary>
    private static string? InitReason(JsonElement pod)
    {
        var sidecars = Sidecars(pod);
        var total = pod.At("spec", "initContainers").Items().Count();
        var index = -1;
        foreach (var container in pod.At("status", "initContainerStatuses").Items())
        {
            index++;
            var terminated = container.At("state", "terminated");
            if (terminated.ValueKind == JsonValueKind.Object && terminated.At("exitCode").Number() == 0)
            {
                continue;
            }

            if (sidecars.Contains(container.At("name").Text()) && IsTrue(container.At("started")))
            {
                continue;
            }

            if (terminated.ValueKind == JsonValueKind.Object)
            {
                return "Init:" + TerminatedWord(terminated);
            }

            var waiting = container.At("state", "waiting", "reason").Text();
            return waiting.Length > 0 && waiting != "PodInitializing"
                ? "Init:" + waiting
                : string.Create(CultureInfo.InvariantCulture, $"Init:{index}/{total}");
        }

        return null;
    }

    private static string ContainerReason(JsonElement status, string reason)
    {
        var running = false;
        foreach (var container in status.At("containerStatuses").Items().Reverse())
        {
            var state = container.At("state");
            if (state.At("waiting", "reason").Text() is { Length: > 0 } waiting)
            {
                reason = waiting;
            }
            else if (state.At("terminated").ValueKind == JsonValueKind.Object)
            {
                reason = TerminatedWord(state.At("terminated"));
            }
            else if (IsTrue(container.At("ready")) && state.At("running").ValueKind == JsonValueKind.Object)
            {
                running = true;
            }
        }

        if (reason == "Completed" && running)
        {
            var ready = status.At("conditions").Items()
                .Any(c => c.At("type").Text() == "Ready" && c.At("status").Text() == "True");
            return ready ? "Running" : "NotReady";
        }

        return reason;
    }

    private static string TerminatedWord(JsonElement terminated)
    {
        if (terminated.At("reason").Text() is { Length: > 0 } reason)
        {
            return reason;
        }

        var signal = terminated.At("signal").Number();
        return signal != 0
            ? string.Create(CultureInfo.InvariantCulture, $"Signal:{signal}")
            : string.Create(CultureInfo.InvariantCulture, $"ExitCode:{terminated.At("exitCode").Number()}");
    }

    private static string Restarts(JsonElement pod, DateTimeOffset now)
    {
        long count = 0;
        var last = default(DateTimeOffset);
        var initializing = InitReason(pod) is not null;
        var statuses = initializing
            ? pod.At("status", "initContainerStatuses").Items()
            : pod.At("status", "containerStatuses").Items()
                .Concat(pod.At("status", "initContainerStatuses").Items().Where(c => Sidecars(pod).Contains(c.At("name").Text())));
        foreach (var container in statuses)
        {
            count += container.At("restartCount").Number();
            if (Protocol.Kubernetes.KubeTime.TryParse(container.At("lastState", "terminated", "finishedAt").Text(), out var finished) && finished > last)
            {
                last = finished;
            }
        }

        return count == 0 || last == default
            ? count.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{count} ({CommonColumns.HumanDuration(now - last)} ago)");
    }

    private static string PodIp(JsonElement pod) =>
        pod.At("status", "podIPs").Items().Select(ip => ip.At("ip").Text()).FirstOrDefault(ip => ip.Length > 0)
        ?? OrNone(pod.At("status", "podIP").Text());

    private static string ReadinessGates(JsonElement pod)
    {
        var gates = pod.At("spec", "readinessGates").Items().Select(g => g.At("conditionType").Text()).ToList();
        if (gates.Count == 0)
        {
            return "<none>";
        }

        var met = gates.Count(gate => pod.At("status", "conditions").Items()
            .Any(c => c.At("type").Text() == gate && c.At("status").Text() == "True"));
        return string.Create(CultureInfo.InvariantCulture, $"{met}/{gates.Count}");
    }

    /// <summary>Init containers that keep running.</summary>
    private static HashSet<string> Sidecars(JsonElement pod) =>
        [.. pod.At("spec", "initContainers").Items().Where(c => c.At("restartPolicy").Text() == "Always").Select(c => c.At("name").Text())];

    private static bool IsTrue(JsonElement element) => element.ValueKind == JsonValueKind.True;

    private static string OrNone(string text) => text.Length == 0 ? "<none>" : text;
}
