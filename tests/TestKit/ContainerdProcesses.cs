using System.Diagnostics;
using System.Globalization;

namespace EdgeSync.TestKit;

/// <summary>
/// The shims of one containerd and the processes of their containers, found by what the shims were started with and
/// by parentage, so that nobody else's containers are touched.
/// </summary>
internal sealed class ContainerdProcesses(string socketPath)
{
    private readonly HashSet<int> _noted = [];
    private readonly HashSet<string> _controlGroups = [];

    /// <summary>Whether anything was noted that has not been ended.</summary>
    public bool AnyNoted => _noted.Count > 0;

    /// <summary>Notes what runs now; needs the shims alive, since the dead have no children.</summary>
    public void NoteContainers()
    {
        var parents = Parents();
        var found = parents.Keys.Where(IsShim).ToHashSet();
        for (var before = -1; before != found.Count;)
        {
            before = found.Count;
            found.UnionWith(parents.Where(p => found.Contains(p.Value)).Select(p => p.Key).ToArray());
        }

        _noted.UnionWith(found);
        foreach (var pid in found.Where(pid => !IsShim(pid)))
        {
            NoteControlGroups(pid);
        }
    }

    /// <summary>Ends what was noted, shims first, so that no shim reports its container's end.</summary>
    public async Task KillAllAsync()
    {
        foreach (var pid in _noted.OrderByDescending(IsShim))
        {
            try
            {
                using var process = Process.GetProcessById(pid);
                process.Kill();
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // it has ended already
            }
        }

        await Eventually.HoldsAsync("the containers' processes are gone", () => _noted.All(IsGone));
        _noted.Clear();
    }

    /// <summary>The folders of the ended containers in the control group file systems; best effort.</summary>
    public void RemoveControlGroups()
    {
        foreach (var folder in _controlGroups.OrderByDescending(f => f.Length))
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException)
            {
                // gone, or shared with something that still runs
            }
        }
    }

    private static Dictionary<int, int> Parents()
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
            {
                continue;
            }

            // pid (name) state ppid …; the name may hold anything, also brackets
            var stat = Read($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 1)
            {
                parents[pid] = int.Parse(fields[1], CultureInfo.InvariantCulture);
            }
        }

        return parents;
    }

    private static bool IsGone(int pid)
    {
        var stat = Read($"/proc/{pid}/stat");
        return stat.Length == 0 || stat[(stat.LastIndexOf(')') + 1)..].TrimStart().StartsWith('Z');
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // it ended while it was looked at
        }
    }

    private bool IsShim(int pid)
    {
        var arguments = Read($"/proc/{pid}/cmdline").Split('\0');
        return arguments[0].EndsWith("containerd-shim-runc-v2", StringComparison.Ordinal) && arguments.Contains(socketPath);
    }

    private void NoteControlGroups(int pid)
    {
        foreach (var line in Read($"/proc/{pid}/cgroup").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':', 3);
            var controller = parts[1].Length == 0 ? "unified" : parts[1].Replace("name=", "", StringComparison.Ordinal);
            if (parts[2].Length > 1)
            {
                var folder = $"/sys/fs/cgroup/{controller}{parts[2]}";
                _controlGroups.Add(Directory.Exists(folder) ? folder : $"/sys/fs/cgroup{parts[2]}");
            }
        }
    }
}
