using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Conditions of workloads: written whole, since merge patches replace lists.</summary>
internal static class ConditionList
{
    public static Condition? Find(this IEnumerable<Condition> conditions, string type) => conditions.FirstOrDefault(condition => condition.Type == type);

    public static JsonNode Write(Condition condition)
    {
        var json = new JsonObject { ["type"] = condition.Type, ["status"] = condition.Status };
        Put(json, "lastProbeTime", condition.LastProbeTime);
        Put(json, "lastTransitionTime", condition.LastTransitionTime);
        Put(json, "reason", condition.Reason);
        Put(json, "message", condition.Message);
        return json;
    }

    private static void Put(JsonObject json, string member, string? value)
    {
        if (value is not null)
        {
            json[member] = value;
        }
    }
}
