using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>Which ConfigMaps and Secrets a pod's spec mentions.</summary>
internal static class PodReferences
{
    public static IReadOnlySet<string> ConfigMaps(PodSpec spec)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var container in spec.InitContainers.Concat(spec.Containers))
        {
            Add(names, container.Env.Select(e => e.ValueFrom?.ConfigMapKeyRef?.Name));
            Add(names, container.EnvFrom.Select(e => e.ConfigMapRef?.Name));
        }

        Add(names, spec.Volumes.Select(v => v.ConfigMap?.Name));
        Add(names, Projections(spec).Select(s => s.ConfigMap?.Name));
        return names;
    }

    public static IReadOnlySet<string> Secrets(PodSpec spec)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var container in spec.InitContainers.Concat(spec.Containers))
        {
            Add(names, container.Env.Select(e => e.ValueFrom?.SecretKeyRef?.Name));
            Add(names, container.EnvFrom.Select(e => e.SecretRef?.Name));
        }

        Add(names, spec.Volumes.Select(v => v.Secret?.SecretName));
        Add(names, Projections(spec).Select(s => s.Secret?.Name));
        Add(names, spec.ImagePullSecrets.Select(s => s.Name));
        return names;
    }

    private static IEnumerable<VolumeProjection> Projections(PodSpec spec) =>
        spec.Volumes.SelectMany(v => v.Projected?.Sources ?? []);

    private static void Add(HashSet<string> names, IEnumerable<string?> found)
    {
        foreach (var name in found)
        {
            if (!string.IsNullOrEmpty(name))
            {
                names.Add(name);
            }
        }
    }
}
