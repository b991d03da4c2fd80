namespace EdgeSync.Protocol.Wire;

/// <summary>
/// The address of one Kubernetes object on the wire: <c>namespace/type/name</c>, where a cluster-scoped
/// object's namespace is written <c>null</c> (KubeEdge's resource grammar).
/// </summary>
/// <param name="Namespace">The object's namespace; empty for cluster-scoped objects.</param>
/// <param name="Type">The lower-case singular resource type (<see cref="ResourceTypes"/>).</param>
/// <param name="Name">The object's name.</param>
public readonly record struct ObjectKey(string Namespace, string Type, string Name)
{
    private const string ClusterScope = "null";

    /// <summary>Reads a wire resource of exactly three non-empty segments.</summary>
    public static bool TryParse(string? resource, out ObjectKey key)
    {
        key = default;
        if (resource is null)
        {
            return false;
        }

        var first = resource.IndexOf('/', StringComparison.Ordinal);
        if (first <= 0)
        {
            return false;
        }

        var second = resource.IndexOf('/', first + 1);
        if (second <= first + 1 || second == resource.Length - 1 || resource.IndexOf('/', second + 1) >= 0)
        {
            return false;
        }

        var ns = resource[..first];
        key = new ObjectKey(
            ns == ClusterScope ? "" : ns,
            resource[(first + 1)..second],
            resource[(second + 1)..]);
        return true;
    }

    /// <summary>The wire form.</summary>
    public override string ToString() => $"{(Namespace.Length == 0 ? ClusterScope : Namespace)}/{Type}/{Name}";
}
