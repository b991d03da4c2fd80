using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>status.qosClass: Guaranteed where every container's requests equal its limits, BestEffort where there are none.</summary>
internal static class QualityOfService
{
    private static readonly string[] s_resources = ["cpu", "memory"];

    public static string Of(JsonObject podSpec)
    {
        var any = false;
        var guaranteed = true;
        foreach (var container in podSpec.Objects("containers").Concat(podSpec.Objects("initContainers")))
        {
            var requests = container.Object("resources")?.Object("requests");
            var limits = container.Object("resources")?.Object("limits");
            foreach (var name in s_resources)
            {
                var limit = limits?.Text(name);
                var request = requests?.Text(name) ?? limit;
                any |= IsSet(limit) || IsSet(request);
                guaranteed &= IsSet(limit) && limit == request;
            }
        }

        return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
    }

    private static bool IsSet(string? quantity) => quantity is not (null or "" or "0");
}
