using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults of the smaller kinds.</summary>
internal static class OtherDefaults
{
    /// <summary>Type Opaque; stringData is written into data and not kept.</summary>
    public static void Secret(JsonObject secret)
    {
        secret.SetDefault("type", "Opaque");
        if (secret.Object("stringData") is { } texts)
        {
            var data = secret.ObjectOrNew("data");
            foreach (var (name, value) in texts)
            {
                data[name] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value.AsText() ?? ""));
            }

            secret.Remove("stringData");
        }
    }

    /// <summary>The name as a label, so that selectors can name a namespace, and the finalizer that holds it until it is empty.</summary>
    public static void Namespace(JsonObject ns)
    {
        var metadata = ns.ObjectOrNew("metadata");
        if (metadata.Text("name") is { Length: > 0 } name)
        {
            metadata.ObjectOrNew("labels")["kubernetes.io/metadata.name"] = name;
        }
    }

    /// <summary>What a node has it can give, until it says otherwise.</summary>
    public static void Node(JsonObject node)
    {
        if (node.Object("status") is { } status && status["capacity"] is { } capacity && status["allocatable"] is null)
        {
            status["allocatable"] = capacity.DeepClone();
        }
    }

    public static void NewNamespace(JsonObject ns)
    {
        ns["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
        ns["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public static bool NamespaceIsHeld(JsonObject ns) => ns.Object("spec")?.List("finalizers") is { Count: > 0 };

    public static void NamespaceDeletionBegins(JsonObject ns) => ns.ObjectOrNew("status")["phase"] = "Terminating";
}
