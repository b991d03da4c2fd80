using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.StatefulSets;

/// <summary>
/// Writes the pods and claims of a StatefulSet: each pod keeps its name, its host name and its claims, however often it is made again.
/// </summary>
/// <param name="value">The StatefulSet.</param>
/// <param name="set">A view of it.</param>
internal sealed class StatefulPodWriter(KubeObject value, StatefulSet set)
{
    public const string NameLabel = "statefulset.kubernetes.io/pod-name";
    public const string IndexLabel = "apps.kubernetes.io/pod-index";

    public string Name(int ordinal) => string.Create(CultureInfo.InvariantCulture, $"{value.Name}-{ordinal}");

    /// <summary>The names of a pod's claims, in the order of their templates, with the templates.</summary>
    public IReadOnlyList<(string Volume, string Claim, JsonObject Template)> Claims(int ordinal) =>
    [
        .. (set.Spec.VolumeClaimTemplates ?? []).Select(template => JsonNode.Parse(template.GetRawText())!.AsObject())
            .Select(template => (template["metadata"]!["name"]!.ToString(), template))
            .Select(entry => (entry.Item1, $"{entry.Item1}-{Name(ordinal)}", entry.template)),
    ];

    /// <param name="place">Which pod.</param>
    /// <param name="template">Its revision's template; null for the present one.</param>
    public byte[] Write(StatefulPodPlace place, JsonObject? template)
    {
        var name = Name(place.Ordinal);
        var pod = new TemplatePod(value, ApiResources.StatefulSets, template).Write(name, $"{value.Name}-");
        var metadata = pod["metadata"]!.AsObject();
        if (metadata["labels"] is not JsonObject labels)
        {
            metadata["labels"] = labels = [];
        }

        labels[NameLabel] = name;
        labels[IndexLabel] = place.Ordinal.ToString(CultureInfo.InvariantCulture);
        labels[DaemonPodWriter.HashLabel] = place.Revision;
        var spec = pod["spec"]!.AsObject();
        spec["hostname"] = name;
        if (set.Spec.ServiceName is { Length: > 0 } service)
        {
            spec["subdomain"] = service;
        }

        AddClaims(spec, place.Ordinal);
        return Encoding.UTF8.GetBytes(pod.ToJsonString());
    }

    /// <summary>A claim as its template has it, with the labels by which the StatefulSet is found.</summary>
    public byte[] WriteClaim(string name, JsonObject template, IEnumerable<OwnerReference> owners)
    {
        var claim = template.DeepClone().AsObject();
        claim.Remove("status");
        var metadata = claim["metadata"]!.AsObject();
        metadata["name"] = name;
        metadata["namespace"] = value.Namespace;
        metadata.Remove("creationTimestamp");
        if (metadata["labels"] is not JsonObject labels)
        {
            metadata["labels"] = labels = [];
        }

        foreach (var (key, label) in set.Spec.Selector?.MatchLabels ?? LabelSelectors.NoLabels)
        {
            labels[key] = label;
        }

        if (owners.Select(MetadataPatch.Write).ToArray() is { Length: > 0 } references)
        {
            metadata["ownerReferences"] = new JsonArray(references);
        }

        return Encoding.UTF8.GetBytes(claim.ToJsonString());
    }

    // a claim takes the place of a volume of its name
    private void AddClaims(JsonObject spec, int ordinal)
    {
        var claims = Claims(ordinal);
        if (claims.Count == 0)
        {
            return;
        }

        var names = claims.Select(claim => claim.Volume).ToHashSet();
        var volumes = claims.Select(claim => (JsonNode)new JsonObject
        {
            ["name"] = claim.Volume,
            ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = claim.Claim },
        });
        var others = (spec["volumes"] as JsonArray ?? []).Where(volume => !names.Contains(volume?["name"]?.ToString() ?? "")).Select(volume => volume!.DeepClone());
        spec["volumes"] = new JsonArray([.. volumes, .. others]);
    }
}
