using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>One version of a pod that this node is to run, as read from MetaManager. Immutable.</summary>
internal sealed class WantedPod
{
    private WantedPod(KubeObject source, Pod pod)
    {
        Source = source;
        Pod = pod;
        ConfigMaps = PodReferences.ConfigMaps(pod.Spec);
        Secrets = PodReferences.Secrets(pod.Spec);
    }

    public KubeObject Source { get; }

    public Pod Pod { get; }

    public PodSpec Spec => Pod.Spec;

    public string Namespace => Source.Namespace;

    public string Name => Source.Name;

    public string Uid => Source.Uid;

    public bool IsDeleting => Source.IsDeleting;

    /// <summary>For logs: <c>namespace/name</c>.</summary>
    public string Describe => $"{Namespace}/{Name}";

    /// <summary>Names of the ConfigMaps that the spec mentions.</summary>
    public IReadOnlySet<string> ConfigMaps { get; }

    /// <summary>Names of the Secrets that the spec mentions.</summary>
    public IReadOnlySet<string> Secrets { get; }

    /// <summary>Always, OnFailure or Never.</summary>
    public string RestartPolicy => Spec.RestartPolicy ?? "Always";

    /// <summary>Between the stop signal and the kill; the deletion's own period wins over the spec's.</summary>
    public TimeSpan GracePeriod => TimeSpan.FromSeconds(
        Math.Max(0, (IsDeleting ? Pod.Metadata.DeletionGracePeriodSeconds : null) ?? Spec.TerminationGracePeriodSeconds ?? 30));

    /// <exception cref="KubeObjectException">The object is not a pod that can be read.</exception>
    public static WantedPod Read(KubeObject source)
    {
        var pod = source.View(KubernetesJson.Default.Pod);
        if (source.Uid.Length == 0 || source.Name.Length == 0)
        {
            throw new KubeObjectException($"{source.Describe()}: a pod needs metadata.name and metadata.uid");
        }

        return new WantedPod(source, pod);
    }

    /// <summary>Whether the spec mentions this ConfigMap or Secret.</summary>
    public bool RefersTo(ObjectKey key) => key.Namespace == Namespace
        && (key.Type == ResourceTypes.ConfigMap ? ConfigMaps : Secrets).Contains(key.Name);
}
