using System.Globalization;
using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>What a pod can learn about itself (the downward API): <c>fieldRef</c> and <c>resourceFieldRef</c>.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="NodeName">This node.</param>
/// <param name="HostIP">The node's address.</param>
/// <param name="PodIPs">The sandbox's addresses; the node's on the host's network.</param>
internal sealed record DownwardFields(WantedPod Pod, string NodeName, string HostIP, IReadOnlyList<string> PodIPs)
{
    /// <summary>The value of a field path, or null where there is no such path.</summary>
    public string? Field(string path)
    {
        var metadata = Pod.Pod.Metadata;
        return path switch
        {
            "metadata.name" => Pod.Name,
            "metadata.namespace" => Pod.Namespace,
            "metadata.uid" => Pod.Uid,
            "metadata.labels" => Lines(metadata.Labels),
            "metadata.annotations" => Lines(metadata.Annotations),
            "spec.nodeName" => NodeName,
            "spec.serviceAccountName" => Pod.Spec.ServiceAccountName ?? "",
            "status.hostIP" or "status.hostIPs" => HostIP,
            "status.podIP" => PodIPs.Count > 0 ? PodIPs[0] : "",
            "status.podIPs" => string.Join(',', PodIPs),
            _ => Subscript(path, "metadata.labels", metadata.Labels) ?? Subscript(path, "metadata.annotations", metadata.Annotations),
        };
    }

    /// <summary>
    /// The value of <c>limits.cpu</c>, <c>requests.memory</c> … divided by the divisor and rounded up; an unset limit is
    /// what the machine has. Null where there is no such resource.
    /// </summary>
    public static string? Resource(Container container, ResourceFieldSelector selector)
    {
        var dot = selector.Resource.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            return null;
        }

        var (list, resource) = (selector.Resource[..dot], selector.Resource[(dot + 1)..]);
        var limit = Quantity.Find(container.Resources?.Limits, resource);
        var value = list switch
        {
            "limits" => limit ?? Machine(resource),
            "requests" => Quantity.Find(container.Resources?.Requests, resource) ?? limit ?? Quantity.Zero,
            _ => (Quantity?)null,
        };
        if (value is not { } found)
        {
            return null;
        }

        var divisor = selector.Divisor is { } given && Quantity.TryRead(given, out var parsed) && parsed > Quantity.Zero
            ? parsed
            : Quantity.One;
        return decimal.Ceiling(found.Value / divisor.Value).ToString("0", CultureInfo.InvariantCulture);
    }

    private static Quantity? Machine(string resource) => resource switch
    {
        "cpu" => Quantity.FromWhole(Environment.ProcessorCount),
        "memory" => Quantity.FromWhole(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
        _ => null,
    };

    /// <summary><c>metadata.labels['KEY']</c>: the value, or empty where the key is not there.</summary>
    private static string? Subscript(string path, string map, IReadOnlyDictionary<string, string>? values)
    {
        if (!path.StartsWith(map + "['", StringComparison.Ordinal) || !path.EndsWith("']", StringComparison.Ordinal))
        {
            return null;
        }

        return values?.GetValueOrDefault(path[(map.Length + 2)..^2]) ?? "";
    }

    /// <summary>One <c>key="value"</c> line each, sorted, as the kubelet writes them.</summary>
    private static string Lines(IReadOnlyDictionary<string, string>? values)
    {
        var lines = new StringBuilder();
        foreach (var (key, value) in (values ?? new Dictionary<string, string>()).OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            lines.Append(key).Append("=\"").Append(JsonEncodedText.Encode(value)).Append("\"\n");
        }

        return lines.ToString();
    }
}
