using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged;

/// <summary>Objects as an API server would hand them out, to be changed by the tests.</summary>
internal static class PodSpecs
{
    /// <summary>One container <c>main</c> that runs a shell script; it ends at once when told to.</summary>
    public static JsonObject Pod(string name, string script = "sleep 1000", Action<JsonObject>? spec = null, Action<JsonObject>? container = null)
    {
        var main = Container("main", script);
        container?.Invoke(main);
        var podSpec = new JsonObject
        {
            ["containers"] = new JsonArray(main),
            ["terminationGracePeriodSeconds"] = 5,
            ["hostNetwork"] = !ContainerdRig.HasPodNetwork,
        };
        spec?.Invoke(podSpec);
        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = Metadata(name, "uid-" + Guid.NewGuid().ToString("n")),
            ["spec"] = podSpec,
        };
    }

    public static JsonObject Container(string name, string script) => new()
    {
        ["name"] = name,
        ["image"] = ContainerdRig.BusyboxImage,
        // a shell that is process 1 ignores signals without a trap of its own
        ["command"] = new JsonArray("sh", "-c", $"trap 'exit 0' TERM; ({script}) & wait $!"),
    };

    public static JsonObject ConfigMap(string name, params (string Key, string Value)[] data) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = Metadata(name, "cm-" + name),
        ["data"] = new JsonObject(data.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))),
    };

    public static JsonObject Secret(string name, params (string Key, string Value)[] data) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = Metadata(name, "secret-" + name),
        ["data"] = new JsonObject(data.Select(d =>
            KeyValuePair.Create(d.Key, (JsonNode?)Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(d.Value))))),
    };

    /// <summary>The same pod, being deleted.</summary>
    public static JsonObject Deleting(JsonObject pod, int graceSeconds)
    {
        var copy = pod.DeepClone().AsObject();
        copy["metadata"]!["deletionTimestamp"] = "2026-01-01T00:00:00Z";
        copy["metadata"]!["deletionGracePeriodSeconds"] = graceSeconds;
        return copy;
    }

    private static JsonObject Metadata(string name, string uid) => new()
    {
        ["name"] = name,
        ["namespace"] = "default",
        ["uid"] = uid,
        ["resourceVersion"] = "1",
    };
}
