using System.Globalization;
using System.Text;

namespace EdgeSync.Benchmarks;

/// <summary>One line of the table.</summary>
/// <param name="What">What was measured, with its unit.</param>
/// <param name="Target">What the design asks for; empty where it says nothing.</param>
/// <param name="KubeEdge">The same of KubeEdge v1.23, measured on a machine like this; empty where it was not.</param>
internal sealed record FigureLine(string What, string Target = "", string KubeEdge = "");

/// <summary>
/// Collects the values of each figure over all runs and prints them with the targets beside. KubeEdge's figures were
/// taken once, of v1.23 with kube-apiserver 1.20 and etcd 3.4, on a 2-core machine like this one over loopback; they say the
/// order of size, and only a run of both side by side says the ratio.
/// </summary>
internal sealed class Figures
{
    public static readonly FigureLine Join = new("edgecore join, the command, s");
    public static readonly FigureLine Ready = new("agent start to node Ready, first time, s", KubeEdge: "0.89");
    public static readonly FigureLine StoredP50 = new("pod created to stored at the edge, p50, ms", KubeEdge: "18");
    public static readonly FigureLine StoredP90 = new("  p90, ms", KubeEdge: "23");
    public static readonly FigureLine StoredMax = new("  max, ms", "p99 < 20", "57");
    public static readonly FigureLine RunningP50 = new("pod created to Running and Ready in the API, p50, s", "< 0.3", "0.64");
    public static readonly FigureLine RunningP90 = new("  p90, s");
    public static readonly FigureLine GoneP50 = new("pod deleted (grace 1 s) to gone, p50, s", KubeEdge: "1.05");
    public static readonly FigureLine GoneMax = new("  max, s", KubeEdge: "60");
    public static readonly FigureLine TenReady = new("10 pods at once, the last Ready, s", KubeEdge: "2.1");
    public static readonly FigureLine TwinP50 = new("twin update to the API, p50, ms", KubeEdge: "12");
    public static readonly FigureLine TwinP90 = new("  p90, ms", KubeEdge: "17");
    public static readonly FigureLine HubBack = new("hub killed and started at once: serving to the agent's session, s", "< 2", "22 to 41");
    public static readonly FigureLine HubBackLater = new("  started 10 s later, s", "< 2");
    public static readonly FigureLine OfflineOne = new("offline: agent and container killed, agent start to container back, s", "< 2", "0.67");
    public static readonly FigureLine OfflineTen = new("  10 containers, s", "< 2");
    public static readonly FigureLine EdgeResident0 = new("edgecore resident, 0 pods, MiB", KubeEdge: "92");
    public static readonly FigureLine EdgeAnonymous0 = new("  private anonymous, 0 pods, MiB", KubeEdge: "25");
    public static readonly FigureLine EdgeResident10 = new("edgecore resident, 10 pods, MiB", "< 72 (0.75 of 96)", "96");
    public static readonly FigureLine EdgeAnonymous10 = new("  private anonymous, 10 pods, MiB", "< 28", "28");
    public static readonly FigureLine CloudResident0 = new("cloudcore resident, 0 pods, MiB", KubeEdge: "516 (with kube-apiserver and etcd)");
    public static readonly FigureLine CloudAnonymous0 = new("  private anonymous, 0 pods, MiB");
    public static readonly FigureLine CloudResident10 = new("cloudcore resident, 10 pods, MiB", "< 172 (10 nodes, 100 pods)", "521 (with kube-apiserver and etcd)");
    public static readonly FigureLine CloudAnonymous10 = new("  private anonymous, 10 pods, MiB");

    private static readonly FigureLine[] s_order =
    [
        Join, Ready, StoredP50, StoredP90, StoredMax, RunningP50, RunningP90, GoneP50, GoneMax, TenReady, TwinP50, TwinP90,
        HubBack, HubBackLater, OfflineOne, OfflineTen, EdgeResident0, EdgeAnonymous0, EdgeResident10, EdgeAnonymous10, CloudResident0, CloudAnonymous0, CloudResident10,
        CloudAnonymous10,
    ];

    private readonly Dictionary<FigureLine, List<double>> _values = [];

    public void Add(FigureLine line, double value)
    {
        if (!_values.TryGetValue(line, out var values))
        {
            _values[line] = values = [];
        }

        values.Add(value);
    }

    /// <summary>p50, p90 and the largest of one run's samples.</summary>
    public static (double P50, double P90, double Max) Percentiles(IEnumerable<double> samples)
    {
        var sorted = samples.Order().ToArray();
        return (At(sorted, 0.5), At(sorted, 0.9), sorted[^1]);
    }

    public string Render()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"\n{"",-70} {"EdgeSync",10}  {"target",-27} KubeEdge v1.23, measured on a machine like this");
        foreach (var line in s_order.Where(_values.ContainsKey))
        {
            var median = At([.. _values[line].Order()], 0.5);
            text.AppendLine(CultureInfo.InvariantCulture, $"{line.What,-70} {Format(median),10}  {line.Target,-27} {line.KubeEdge}");
        }

        text.Append(CultureInfo.InvariantCulture, $"medians of {_values.Values.Max(v => v.Count)} runs");
        return text.ToString();
    }

    private static double At(double[] sorted, double part) => sorted[Math.Min(sorted.Length - 1, (int)(part * sorted.Length))];

    private static string Format(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
