using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>The two forms in which a kubelet tells what is used: <c>/stats/summary</c> and <c>/metrics/resource</c>.</summary>
internal static class StatsSummary
{
    /// <summary>The kubelet's Summary document.</summary>
    public static byte[] Render(NodeUsage usage)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteStartObject("node"u8);
        writer.WriteString("nodeName"u8, usage.Node);
        WriteUsage(writer, usage, usage.Usage, usage.MemoryAvailableBytes);
        writer.WriteStartObject("fs"u8);
        writer.WriteNumber("availableBytes"u8, usage.Disk.Available);
        writer.WriteNumber("capacityBytes"u8, usage.Disk.Total);
        writer.WriteNumber("usedBytes"u8, usage.Disk.Total - usage.Disk.Available);
        writer.WriteEndObject();
        writer.WriteStartObject("runtime"u8);
        writer.WriteStartObject("imageFs"u8);
        writer.WriteNumber("usedBytes"u8, usage.ImageBytes);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteStartArray("pods"u8);
        foreach (var pod in usage.Containers.GroupBy(c => c.Pod))
        {
            WritePod(writer, usage, pod.Key, [.. pod]);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Prometheus' text, with the kubelet's names.</summary>
    public static string RenderMetrics(NodeUsage usage)
    {
        var text = new StringBuilder();
        Family(text, "node_cpu_usage_seconds_total", "counter", [("", Seconds(usage.Usage.CpuNanoSeconds))]);
        Family(text, "node_memory_working_set_bytes", "gauge", [("", Number(usage.Usage.WorkingSetBytes))]);
        Family(text, "container_cpu_usage_seconds_total", "counter", usage.Containers.Select(c => (Labels(c), Seconds(c.Usage.CpuNanoSeconds))));
        Family(text, "container_memory_working_set_bytes", "gauge", usage.Containers.Select(c => (Labels(c), Number(c.Usage.WorkingSetBytes))));
        Family(text, "container_start_time_seconds", "gauge", usage.Containers.Select(c => (Labels(c), Number(c.StartedAt.ToUnixTimeSeconds()))));
        var pods = usage.Containers.GroupBy(c => c.Pod).ToArray();
        Family(text, "pod_cpu_usage_seconds_total", "counter", pods.Select(p => (Labels(p.Key), Seconds(p.Sum(c => c.Usage.CpuNanoSeconds)))));
        Family(text, "pod_memory_working_set_bytes", "gauge", pods.Select(p => (Labels(p.Key), Number(p.Sum(c => c.Usage.WorkingSetBytes)))));
        Family(text, "resource_scrape_error", "gauge", [("", "0")]);
        return text.ToString();
    }

    private static void WritePod(
        Utf8JsonWriter writer, NodeUsage usage, (string Namespace, string Name, string Uid) pod, IReadOnlyList<ContainerUsage> containers)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("podRef"u8);
        writer.WriteString("name"u8, pod.Name);
        writer.WriteString("namespace"u8, pod.Namespace);
        writer.WriteString("uid"u8, pod.Uid);
        writer.WriteEndObject();
        writer.WriteString("startTime"u8, KubeTime.Format(containers.Min(c => c.StartedAt)));
        writer.WriteStartArray("containers"u8);
        foreach (var container in containers)
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, container.Name);
            writer.WriteString("startTime"u8, KubeTime.Format(container.StartedAt));
            WriteUsage(writer, usage, container.Usage, null);
            writer.WriteStartObject("rootfs"u8);
            writer.WriteNumber("usedBytes"u8, container.RootFsBytes);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        var sum = new ResourceUsage(
            containers.Sum(c => c.Usage.CpuNanoCores), containers.Sum(c => c.Usage.CpuNanoSeconds),
            containers.Sum(c => c.Usage.WorkingSetBytes), containers.Sum(c => c.Usage.RssBytes));
        WriteUsage(writer, usage, sum, null);
        writer.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter writer, NodeUsage at, ResourceUsage usage, long? available)
    {
        writer.WriteStartObject("cpu"u8);
        writer.WriteString("time"u8, KubeTime.Format(at.Time));
        writer.WriteNumber("usageNanoCores"u8, usage.CpuNanoCores);
        writer.WriteNumber("usageCoreNanoSeconds"u8, usage.CpuNanoSeconds);
        writer.WriteEndObject();
        writer.WriteStartObject("memory"u8);
        writer.WriteString("time"u8, KubeTime.Format(at.Time));
        if (available is { } bytes)
        {
            writer.WriteNumber("availableBytes"u8, bytes);
        }

        writer.WriteNumber("usageBytes"u8, usage.WorkingSetBytes);
        writer.WriteNumber("workingSetBytes"u8, usage.WorkingSetBytes);
        writer.WriteNumber("rssBytes"u8, usage.RssBytes);
        writer.WriteEndObject();
    }

    private static void Family(StringBuilder text, string name, string type, IEnumerable<(string Labels, string Value)> values)
    {
        text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {type}\n");
        foreach (var (labels, value) in values)
        {
            text.Append(name).Append(labels).Append(' ').Append(value).Append('\n');
        }
    }

    // names of Kubernetes' objects need no escapes
    private static string Labels(ContainerUsage container) =>
        $"{{container=\"{container.Name}\",namespace=\"{container.Pod.Namespace}\",pod=\"{container.Pod.Name}\"}}";

    private static string Labels((string Namespace, string Name, string Uid) pod) => $"{{namespace=\"{pod.Namespace}\",pod=\"{pod.Name}\"}}";

    private static string Seconds(long nanoseconds) => (nanoseconds / 1e9).ToString("0.######", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
