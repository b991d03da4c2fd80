using System.Globalization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>What a device's status says of its wishes and readings.</summary>
internal static class DeviceReasons
{
    /// <summary>The two last stages of a device; the reason is null where every wish is observed.</summary>
    public static (WhyStage Applied, WhyStage Running, string? Reason) Read(Device device)
    {
        var twins = (device.Status?.Twins ?? []).ToDictionary(t => t.PropertyName, StringComparer.Ordinal);
        var wishes = device.Spec.Properties.Where(p => !string.IsNullOrEmpty(p.Desired?.Value)).ToList();
        var open = wishes.Where(p => twins.GetValueOrDefault(p.Name)?.Reported?.Value != p.Desired!.Value).Select(p => p.Name).ToList();
        var applied = new WhyStage
        {
            Stage = "applied",
            Detail = wishes.Count == 0 ? "no wishes" : $"{wishes.Count - open.Count} of {wishes.Count} wishes reported as they are",
        };
        var reported = twins.Values.Where(t => t.Reported?.Value is not null).OrderBy(t => t.PropertyName, StringComparer.Ordinal).ToList();
        var running = new WhyStage
        {
            Stage = "running",
            Detail = reported.Count == 0 ? "nothing reported" : PodReasons.OneLine(string.Join(", ", reported.Select(t => $"{t.PropertyName}={t.Reported!.Value}"))),
        };
        var times = reported.Select(t => TimeOf(t.Reported!)).OfType<DateTimeOffset>().ToList();
        if (times.Count > 0)
        {
            running.At = times.Max();
        }

        return (applied, running, open.Count == 0 ? null : $"the device does not report the wish for {string.Join(", ", open)}");
    }

    /// <summary>KubeEdge's metadata member: Unix milliseconds.</summary>
    private static DateTimeOffset? TimeOf(TwinProperty reported) =>
        reported.Metadata?.GetValueOrDefault("timestamp") is { } text
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) && ms is > 0 and < 253_402_300_800_000
            ? DateTimeOffset.FromUnixTimeMilliseconds(ms)
            : null;
}
