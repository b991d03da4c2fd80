using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace EdgeSync.Hosting;

/// <summary>
/// The <c>/metrics</c> page in Prometheus' text format (0.0.4). Values are read when the page is asked for, so a metric
/// costs nothing between two scrapes. Composed at start; reading is thread-safe.
/// </summary>
public sealed class MetricsPage
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly List<Metric> _metrics = [];

    public MetricsPage()
    {
        Gauge("process_resident_memory_bytes", "Resident memory of this process.", () => Environment.WorkingSet);
        Counter("process_cpu_seconds_total", "Processor time that this process has used.", () => Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds);
        Gauge("dotnet_gc_heap_bytes", "Managed heap after the last collection.", () => GC.GetGCMemoryInfo().HeapSizeBytes);
    }

    /// <summary>A value that goes up and down.</summary>
    public void Gauge(string name, string help, Func<double> read) => Add(name, help, "gauge", () => [("", read())]);

    /// <summary>A value that only grows while the process lives.</summary>
    public void Counter(string name, string help, Func<double> read) => Add(name, help, "counter", () => [("", read())]);

    /// <summary>One value for each value of <paramref name="label"/>.</summary>
    public void GaugeBy(string name, string help, string label, Func<IEnumerable<(string LabelValue, double Value)>> read) =>
        Add(name, help, "gauge", () => read().Select(v => ($"{{{label}=\"{Escape(v.LabelValue)}\"}}", v.Value)));

    /// <summary>As <see cref="Counter"/>, for each value of <paramref name="label"/>.</summary>
    public void CounterBy(string name, string help, string label, Func<IEnumerable<(string LabelValue, double Value)>> read) =>
        Add(name, help, "counter", () => read().Select(v => ($"{{{label}=\"{Escape(v.LabelValue)}\"}}", v.Value)));

    /// <summary>
    /// How values are spread over buckets. <paramref name="read"/> gives the count of each bucket (not cumulative; one more than
    /// <paramref name="bounds"/>, the last without a bound) and the sum of all values.
    /// </summary>
    public void Histogram(string name, string help, IReadOnlyList<double> bounds, Func<(IReadOnlyList<long> Counts, double Sum)> read) =>
        Add(name, help, "histogram", () => Buckets(bounds, read()));

    /// <summary>Every metric of the page, for whoever checks it against its description.</summary>
    public IReadOnlyList<string> Names => [.. _metrics.Select(m => m.Name)];

    /// <summary>The page as it is now.</summary>
    public string Render()
    {
        var page = new StringBuilder(1024);
        foreach (var metric in _metrics)
        {
            page.Append(CultureInfo.InvariantCulture, $"# HELP {metric.Name} {metric.Help}\n# TYPE {metric.Name} {metric.Type}\n");
            foreach (var (labels, value) in metric.Read())
            {
                page.Append(CultureInfo.InvariantCulture, $"{metric.Name}{labels} {value}\n");
            }
        }

        return page.ToString();
    }

    private static IEnumerable<(string, double)> Buckets(IReadOnlyList<double> bounds, (IReadOnlyList<long> Counts, double Sum) read)
    {
        long total = 0;
        for (var bucket = 0; bucket < read.Counts.Count; bucket++)
        {
            total += read.Counts[bucket];
            var bound = bucket < bounds.Count ? bounds[bucket].ToString(CultureInfo.InvariantCulture) : "+Inf";
            yield return ($"_bucket{{le=\"{bound}\"}}", total);
        }

        yield return ("_sum", read.Sum);
        yield return ("_count", total);
    }

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private void Add(string name, string help, string type, Func<IEnumerable<(string Labels, double Value)>> read) =>
        _metrics.Add(new Metric(name, help, type, read));

    private sealed record Metric(string Name, string Help, string Type, Func<IEnumerable<(string Labels, double Value)>> Read);
}
