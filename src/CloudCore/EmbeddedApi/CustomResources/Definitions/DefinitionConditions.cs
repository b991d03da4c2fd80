using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>The conditions in a definition's status.</summary>
internal static class DefinitionConditions
{
    public const string NamesAccepted = "NamesAccepted";
    public const string Established = "Established";
    public const string Terminating = "Terminating";

    public static bool IsTrue(JsonObject definition, string type) => Find(definition, type)?.Text("status") == "True";

    public static JsonObject? Find(JsonObject definition, string type) =>
        definition.Object("status")?.Objects("conditions").FirstOrDefault(c => c.Text("type") == type);

    /// <summary>Sets a condition; its time changes with its status only. False where it was so already.</summary>
    public static bool Set(JsonObject definition, string type, bool status, string reason, string message, string now)
    {
        var word = status ? "True" : "False";
        var list = definition.ObjectOrNew("status").List("conditions");
        if (list is null)
        {
            definition.ObjectOrNew("status")["conditions"] = list = [];
        }

        if (Find(definition, type) is not { } present)
        {
            list.Add((JsonNode)new JsonObject
            {
                ["type"] = type,
                ["status"] = word,
                ["lastTransitionTime"] = now,
                ["reason"] = reason,
                ["message"] = message,
            });
            return true;
        }

        if (present.Text("status") == word && present.Text("reason") == reason && present.Text("message") == message)
        {
            return false;
        }

        if (present.Text("status") != word)
        {
            present["status"] = word;
            present["lastTransitionTime"] = now;
        }

        present["reason"] = reason;
        present["message"] = message;
        return true;
    }
}
