using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.World;

/// <summary>The pods' containers as the box's containerd sees them: the truth that no program of ours can colour.</summary>
internal sealed class EdgePods(ContainerdRig runtime)
{
    /// <summary>The running containers whose pod container has this name.</summary>
    public async Task<IReadOnlyList<string>> RunningAsync(string container)
    {
        var known = Lines(await runtime.CtrAsync(
            "-n", "k8s.io", "containers", "ls", "-q", $"labels.\"io.kubernetes.container.name\"=={container}"));
        if (known.Count == 0)
        {
            return [];
        }

        // TASK PID STATUS
        var running = Lines(await runtime.CtrAsync("-n", "k8s.io", "tasks", "ls"))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields is [_, _, "RUNNING"])
            .Select(fields => fields[0])
            .ToHashSet();
        return [.. known.Where(running.Contains)];
    }

    /// <summary>The one running container of that name.</summary>
    public async Task<string> OneAsync(string container)
    {
        var running = await RunningAsync(container);
        return running.Count == 1
            ? running[0]
            : throw new InvalidOperationException($"{running.Count} running containers named {container}, one was expected");
    }

    /// <summary>A file as the container's own processes see it.</summary>
    public async Task<string> ReadFileAsync(string container, string path)
    {
        var id = await OneAsync(container);
        return await runtime.CtrAsync("-n", "k8s.io", "tasks", "exec", "--exec-id", "t" + Guid.NewGuid().ToString("N"), id, "cat", path);
    }

    /// <summary>An environment variable of the container's first process; null when it has none of that name.</summary>
    public async Task<string?> EnvironmentAsync(string container, string name)
    {
        var id = await OneAsync(container);
        var text = await runtime.CtrAsync(
            "-n", "k8s.io", "tasks", "exec", "--exec-id", "t" + Guid.NewGuid().ToString("N"), id, "cat", "/proc/1/environ");
        return text.Split('\0').Where(e => e.StartsWith(name + "=", StringComparison.Ordinal)).Select(e => e[(name.Length + 1)..]).FirstOrDefault();
    }

    public async Task KillAsync(string container) => await runtime.KillContainerAsync(await OneAsync(container));

    private static List<string> Lines(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
}
