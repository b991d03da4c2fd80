using System.Globalization;

namespace EdgeSync.Benchmarks;

/// <summary>What a process holds in memory, as the kernel counts it.</summary>
/// <param name="ResidentMiB">All its pages in memory, shared ones included.</param>
/// <param name="AnonymousMiB">Those of them that are its own and in no file: what it has written.</param>
internal readonly record struct Footprint(double ResidentMiB, double AnonymousMiB)
{
    private const double KiBInMiB = 1024;

    public static Footprint Of(int pid)
    {
        // Rss:   137716 kB
        var sizes = File.ReadLines($"/proc/{pid}/smaps_rollup")
            .Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(fields => fields[0], fields => double.Parse(fields[1], CultureInfo.InvariantCulture));
        return new Footprint(sizes["Rss:"] / KiBInMiB, sizes["Anonymous:"] / KiBInMiB);
    }
}
