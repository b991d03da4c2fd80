using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>Small valid objects.</summary>
internal static class TestObjects
{
    public static string DaemonSet(string name) => $$$$$"""
        {"metadata":{"name":"{{{{{name}}}}}"},"spec":{"selector":{"matchLabels":{"app":"w"}},
         "template":{"metadata":{"labels":{"app":"w"}},"spec":{"containers":[{"name":"c","image":"nginx:1"}]}}}}
        """;

    public static string Pod(string name, string? node, string? label = null, string value = "")
    {
        var pod = new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject() },
            ["spec"] = new JsonObject
            {
                ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "nginx:1" }),
                ["nodeName"] = node,
            },
        };
        if (label is not null)
        {
            pod["metadata"]!["labels"]![label] = value;
        }

        return pod.ToJsonString();
    }
}
