using EdgeSync.EdgeCore.Edged.Cri;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>What the runtime holds of one pod at one moment.</summary>
/// <param name="Uid">The pod's UID.</param>
/// <param name="Sandboxes">Newest first.</param>
/// <param name="Containers">Newest first; of all sandboxes, the dead included.</param>
internal sealed record RuntimePod(
    string Uid, IReadOnlyList<RuntimeSandbox> Sandboxes, IReadOnlyList<RuntimeContainer> Containers)
{
    public RuntimeSandbox? Newest => Sandboxes.Count > 0 ? Sandboxes[0] : null;

    public bool IsEmpty => Sandboxes.Count == 0 && Containers.Count == 0;

    /// <summary>The newest container of that name in any sandbox.</summary>
    public RuntimeContainer? Container(string name) => Containers.FirstOrDefault(c => c.Name == name);

    /// <summary>The newest container of that name in one sandbox.</summary>
    public RuntimeContainer? Container(string name, string sandboxId) =>
        Containers.FirstOrDefault(c => c.Name == name && c.SandboxId == sandboxId);
}

/// <param name="Id">The runtime's id.</param>
/// <param name="IsReady">Its pause process runs and its network is there.</param>
/// <param name="Attempt">Grows with each sandbox of the pod.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="IPs">The pod's addresses; empty on the host's network.</param>
/// <param name="GracePeriod">From the spec that it was made for, for when that spec is gone.</param>
internal sealed record RuntimeSandbox(
    string Id, bool IsReady, int Attempt, DateTimeOffset CreatedAt, IReadOnlyList<string> IPs, TimeSpan GracePeriod);

/// <param name="Id">The runtime's id.</param>
/// <param name="SandboxId">Where it runs or ran.</param>
/// <param name="Name">The container's name in the pod.</param>
/// <param name="Attempt">How many containers of that name the pod had before.</param>
/// <param name="BackoffLevel">See <see cref="CrashBackoff"/>.</param>
/// <param name="Hash">Of the container spec it was made from (<see cref="ContainerHash"/>).</param>
/// <param name="State">The runtime's.</param>
/// <param name="Status">The runtime's details.</param>
internal sealed record RuntimeContainer(
    string Id, string SandboxId, string Name, int Attempt, int BackoffLevel, string Hash, ContainerState State, ContainerStatus Status)
{
    public bool IsRunning => State == ContainerState.ContainerRunning;

    public bool HasExited => State == ContainerState.ContainerExited;

    public DateTimeOffset CreatedAt => RuntimeTime.Read(Status.CreatedAt);

    public DateTimeOffset StartedAt => RuntimeTime.Read(Status.StartedAt);

    public DateTimeOffset FinishedAt => RuntimeTime.Read(Status.FinishedAt);
}

/// <summary>CRI's times: nanoseconds since 1970; 0 for never.</summary>
internal static class RuntimeTime
{
    public static DateTimeOffset Read(long nanoseconds) =>
        nanoseconds <= 0 ? default : DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100);
}
