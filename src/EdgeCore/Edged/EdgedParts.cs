using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Images;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.EdgeCore.Edged.Probes;
using EdgeSync.EdgeCore.Edged.Volumes;

namespace EdgeSync.EdgeCore.Edged;

/// <summary>What every pod's worker needs; made once per agent.</summary>
internal sealed record EdgedParts(
    EdgedSettings Settings,
    MetaManager.MetaManager Objects,
    CriClient Cri,
    RuntimePods Runtime,
    ImageStore Images,
    PodVolumes Volumes,
    EnvResolver Env,
    StatusReporter Status,
    ProbeChecks Checks,
    LifecycleHooks Hooks,
    TimeProvider Time,
    ILoggerFactory Logs)
{
    /// <summary>How many sandboxes and containers are made at once: more only makes each slower on a small box.</summary>
    public SemaphoreSlim StartSlots { get; } = new(4);
}
