using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore;

/// <summary>An object's address within its resource; the namespace is empty for cluster-scoped ones.</summary>
internal readonly record struct NamespacedName(string Namespace, string Name) : IComparable<NamespacedName>
{
    public static NamespacedName Of(KubeObject value) => new(value.Namespace, value.Name);

    /// <summary>By namespace, then name, byte by byte: the order in which lists are returned.</summary>
    public int CompareTo(NamespacedName other)
    {
        var order = string.CompareOrdinal(Namespace, other.Namespace);
        return order != 0 ? order : string.CompareOrdinal(Name, other.Name);
    }

    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}
