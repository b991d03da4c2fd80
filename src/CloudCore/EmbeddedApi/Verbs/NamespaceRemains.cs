using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>What is still in a namespace that is on its way out, and the conditions that say so, as the namespace controller writes them.</summary>
internal sealed class NamespaceRemains
{
    private readonly SortedDictionary<string, int> _resources = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _finalizers = new(StringComparer.Ordinal);

    public bool IsEmpty => _resources.Count == 0;

    public void Add(ResourceDescriptor resource, StoredObject stored)
    {
        // the group follows the dot, also where it is empty
        var name = $"{resource.Plural}.{resource.Group}";
        _resources[name] = _resources.GetValueOrDefault(name) + 1;
        foreach (var finalizer in stored.Parse().Object("metadata")!.List("finalizers") ?? [])
        {
            var text = finalizer.AsText() ?? "";
            _finalizers[text] = _finalizers.GetValueOrDefault(text) + 1;
        }
    }

    /// <summary>The namespace with its conditions brought up to date; a time moves only with its status.</summary>
    public JsonObject WriteConditions(JsonObject ns, DateTimeOffset now)
    {
        var status = ns.ObjectOrNew("status");
        var present = status.Objects("conditions").ToDictionary(c => c.Text("type") ?? "");
        var conditions = new JsonArray(
        [
            .. present.Values.Where(c => !IsOurs(c.Text("type"))).Select(c => c.DeepClone()),
            Condition("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
            Condition("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
            Condition("NamespaceDeletionContentFailure", "False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
            Condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", $"Some resources are remaining: {Join(_resources, "has")}"),
            _finalizers.Count > 0
                ? Condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", $"Some content in the namespace has finalizers remaining: {Join(_finalizers, "in")}")
                : Condition("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ]);
        status["conditions"] = conditions;
        return ns;

        JsonNode Condition(string type, string value, string reason, string message)
        {
            var before = present.GetValueOrDefault(type);
            return new JsonObject
            {
                ["type"] = type,
                ["status"] = value,
                ["lastTransitionTime"] = before?.Text("status") == value ? before.Text("lastTransitionTime") : KubeTime.Format(now),
                ["reason"] = reason,
                ["message"] = message,
            };
        }
    }

    private static bool IsOurs(string? type) => type is "NamespaceDeletionDiscoveryFailure" or "NamespaceDeletionGroupVersionParsingFailure"
        or "NamespaceDeletionContentFailure" or "NamespaceContentRemaining" or "NamespaceFinalizersRemaining";

    private static string Join(SortedDictionary<string, int> counts, string word) => string.Join(
        ", ", counts.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {word} {c.Value} resource instances")));
}
