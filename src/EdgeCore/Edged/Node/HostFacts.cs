using System.Globalization;
using System.Runtime.InteropServices;

namespace EdgeSync.EdgeCore.Edged.Node;

/// <summary>What the kernel and the system's files say about this machine. Read anew each time.</summary>
internal static class HostFacts
{
    public static string MachineId => ReadLine("/etc/machine-id");

    public static string SystemUuid => ReadLine("/sys/class/dmi/id/product_uuid") is { Length: > 0 } uuid ? uuid : MachineId;

    public static string BootId => ReadLine("/proc/sys/kernel/random/boot_id");

    public static string KernelVersion => ReadLine("/proc/sys/kernel/osrelease");

    /// <summary>The distribution's name for people, from os-release(5).</summary>
    public static string OsImage => Lines("/etc/os-release")
        .Where(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))
        .Select(line => line["PRETTY_NAME=".Length..].Trim('"'))
        .FirstOrDefault("Linux");

    /// <summary>Go's names for architectures, which Kubernetes uses.</summary>
    public static string Architecture => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        System.Runtime.InteropServices.Architecture.Arm => "arm",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>Bytes.</summary>
    public static long MemoryTotal => Memory("MemTotal:");

    /// <summary>Bytes that can be had without swapping.</summary>
    public static long MemoryAvailable => Memory("MemAvailable:");

    /// <summary>Nanoseconds that all processors together have been busy since boot.</summary>
    public static long CpuNanoSeconds
    {
        get
        {
            // cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …, in hundredths of a second
            var fields = ReadLine("/proc/stat").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields.Skip(1).Take(8).Where((_, i) => i is not (3 or 4)).Sum(Number) * 10_000_000;
        }
    }

    /// <summary>Threads that exist, and how many there may be.</summary>
    public static (long Used, long Limit) Threads
    {
        get
        {
            // loadavg: 0.00 0.01 0.05 RUNNING/ALL LASTPID
            var fields = ReadLine("/proc/loadavg").Split(' ');
            var used = fields.Length > 3 ? Number(fields[3].Split('/')[^1]) : 0;
            return (used, Number(ReadLine("/proc/sys/kernel/pid_max")));
        }
    }

    /// <summary>Size and free bytes of the file system that holds a folder, made or not yet.</summary>
    public static (long Total, long Available) Disk(string folder)
    {
        var path = folder;
        while (!Directory.Exists(path))
        {
            path = Path.GetDirectoryName(path) ?? "/";
        }

        var drive = new DriveInfo(path);
        return (drive.TotalSize, drive.AvailableFreeSpace);
    }

    private static long Memory(string name) => Lines("/proc/meminfo")
        .Where(line => line.StartsWith(name, StringComparison.Ordinal))
        .Select(line => Number(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim()) * 1024)
        .FirstOrDefault();

    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string ReadLine(string path) => Lines(path).FirstOrDefault("").Trim();

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // not every machine has every file
        }
    }
}
