using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>Requests and limits as control group values, by the kubelet's rules.</summary>
internal static class ResourceOptions
{
    private const int PeriodMicroseconds = 100_000;
    private const int MinQuotaMicroseconds = 1000;
    private const int MinShares = 2;
    private const int MaxShares = 262_144;

    /// <summary>Guaranteed, Burstable or BestEffort, over all containers.</summary>
    public static string QosClass(PodSpec spec)
    {
        var containers = spec.InitContainers.Concat(spec.Containers).ToArray();
        string[] resources = ["cpu", "memory"];
        var any = containers.Any(c => resources.Any(r => Positive(c.Resources?.Requests, r) || Positive(c.Resources?.Limits, r)));
        var guaranteed = any && containers.All(c => resources.All(r =>
            Positive(c.Resources?.Limits, r)
            && (Quantity.Find(c.Resources?.Requests, r) ?? Quantity.Find(c.Resources?.Limits, r)) == Quantity.Find(c.Resources?.Limits, r)));
        return guaranteed ? "Guaranteed" : any ? "Burstable" : "BestEffort";
    }

    public static LinuxContainerResources For(PodSpec spec, Container container)
    {
        var limits = container.Resources?.Limits;
        var cpuLimit = Quantity.Find(limits, "cpu");
        var cpuRequest = Quantity.Find(container.Resources?.Requests, "cpu") ?? cpuLimit;
        var memoryLimit = Quantity.Find(limits, "memory");
        var resources = new LinuxContainerResources
        {
            CpuShares = Math.Clamp((cpuRequest?.Milli ?? 0) * 1024 / 1000, MinShares, MaxShares),
            OomScoreAdj = OomScore(spec, container),
        };
        if (cpuLimit is { Milli: > 0 } cpu)
        {
            resources.CpuPeriod = PeriodMicroseconds;
            resources.CpuQuota = Math.Max(MinQuotaMicroseconds, cpu.Milli * PeriodMicroseconds / 1000);
        }

        if (memoryLimit is { Whole: > 0 } memory)
        {
            resources.MemoryLimitInBytes = memory.Whole;
        }

        return resources;
    }

    /// <summary>Who dies first when memory runs out: best effort, then those that asked for little.</summary>
    private static long OomScore(PodSpec spec, Container container)
    {
        switch (QosClass(spec))
        {
            case "Guaranteed":
                return -997;
            case "BestEffort":
                return 1000;
            default:
                var request = Quantity.Find(container.Resources?.Requests, "memory") ?? Quantity.Find(container.Resources?.Limits, "memory");
                var machine = Math.Max(1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
                return Math.Clamp(1000 - (1000 * (decimal)(request?.Whole ?? 0) / machine), 3, 999) is var score ? (long)score : 0;
        }
    }

    private static bool Positive(IReadOnlyDictionary<string, System.Text.Json.JsonElement>? list, string resource) =>
        Quantity.Find(list, resource) is { } quantity && quantity > Quantity.Zero;
}
