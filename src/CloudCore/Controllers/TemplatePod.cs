using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Writes pods from the template of what controls them: the template's own JSON, so that fields that EdgeSync does not know survive, with
/// name and owner.
/// </summary>
/// <param name="owner">What controls them.</param>
/// <param name="kind">Its kind.</param>
/// <param name="template">Another template than the owner's present one; else null.</param>
internal sealed class TemplatePod(KubeObject owner, ApiResource kind, JsonObject? template = null)
{
    // Kubernetes cuts the base so that five random letters fit into a label value of 63
    private const int MaxBase = 58;
    private const int SuffixLength = 5;

    // parsed once, copied for each pod
    private readonly JsonObject _template = template ?? JsonNode.Parse(owner.Json.Span)!["spec"]!["template"]!.AsObject();

    /// <summary>A name as Kubernetes makes them: the stem and five letters that nobody has yet, in all likelihood.</summary>
    public static string NewName(string stem) => (stem.Length > MaxBase ? stem[..MaxBase] : stem) + SafeNames.Suffix(Guid.NewGuid().ToString("N"), SuffixLength);

    /// <summary>The pod, for the caller to complete.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="generateName">The stem of the name, where it was made from one.</param>
    public JsonObject Write(string name, string? generateName)
    {
        var metadata = new JsonObject { ["name"] = name, ["namespace"] = owner.Namespace };
        if (generateName is not null)
        {
            metadata["generateName"] = generateName;
        }

        foreach (var member in (string[])["labels", "annotations", "finalizers"])
        {
            if (_template["metadata"]?[member] is { } value)
            {
                metadata[member] = value.DeepClone();
            }
        }

        metadata["ownerReferences"] = new JsonArray(MetadataPatch.Write(owner.Controlling(kind)));
        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = metadata,
            ["spec"] = _template["spec"]!.DeepClone(),
        };
    }
}
