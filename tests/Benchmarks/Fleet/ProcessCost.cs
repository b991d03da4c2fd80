using System.Diagnostics;
using System.Globalization;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>Processor time and memory of another process, as the kernel counts them.</summary>
internal static class ProcessCost
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux of today

    /// <summary>User and system time so far, seconds.</summary>
    public static double CpuSeconds(int pid)
    {
        // pid (name) state …: the 14th and 15th field; the name may hold spaces
        var text = File.ReadAllText($"/proc/{pid}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    /// <summary>The part of one core that the process uses over the time given, percent.</summary>
    public static async Task<double> CpuPercentAsync(int pid, TimeSpan over)
    {
        var (start, cpu) = (Stopwatch.GetTimestamp(), CpuSeconds(pid));
        await Task.Delay(over);
        return 100 * (CpuSeconds(pid) - cpu) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The largest resident size since <see cref="ResetPeak"/>, MiB.</summary>
    public static double PeakMiB(int pid) => double.Parse(
        File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;

    /// <summary>The largest resident size counts from now on.</summary>
    public static void ResetPeak(int pid) => File.WriteAllText($"/proc/{pid}/clear_refs", "5");
}
