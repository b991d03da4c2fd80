namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// When a container that ended may start again: at once the first time, then after 10 s, doubling to 5 min; a run of
/// 10 min clears the count (the kubelet's figures). The count travels as an annotation of the container, so that a
/// restart of the agent forgets nothing. No jitter: the restarts of one box wait for nobody else.
/// </summary>
internal static class CrashBackoff
{
    public static readonly TimeSpan Cap = TimeSpan.FromMinutes(5);

    /// <summary>A run this long counts as well.</summary>
    public static readonly TimeSpan GoodRun = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(10);

    /// <summary>The level of the container that follows one of <paramref name="level"/> that ran for <paramref name="ran"/>.</summary>
    public static int NextLevel(int level, TimeSpan ran) => ran >= GoodRun ? 1 : level + 1;

    /// <summary>The wait before a container of <paramref name="level"/> starts; 0 is the pod's first container.</summary>
    public static TimeSpan Delay(int level) => level <= 1
        ? TimeSpan.Zero
        : TimeSpan.FromSeconds(Math.Min(Cap.TotalSeconds, s_first.TotalSeconds * Math.Pow(2, Math.Min(level, 16) - 2)));
}
