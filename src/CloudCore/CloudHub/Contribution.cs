using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>What a pod or a device makes its node hold besides itself.</summary>
/// <param name="Node">The node that it is bound to.</param>
/// <param name="Keys">ConfigMaps and Secrets of a pod, the DeviceModel of a device.</param>
internal sealed record Contribution(string Node, IReadOnlyCollection<ObjectKey> Keys)
{
    /// <summary>Null for an object that is bound to no node, or cannot be read.</summary>
    public static Contribution? Read(string type, KubeObject subject)
    {
        try
        {
            return type == ResourceTypes.Pod
                ? ReadPod(subject, subject.View(KubernetesJson.Default.Pod))
                : ReadDevice(subject, subject.View(KubernetesJson.Default.Device));
        }
        catch (KubeObjectException)
        {
            // an API server that validates does not hand out such an object; a node could do nothing with it either
            return null;
        }
    }

    private static Contribution? ReadDevice(KubeObject subject, Device device)
    {
        if (string.IsNullOrEmpty(device.Spec?.NodeName))
        {
            return null;
        }

        ObjectKey[] model = device.Spec.DeviceModelRef?.Name is { Length: > 0 } name
            ? [new ObjectKey(subject.Namespace, ResourceTypes.DeviceModel, name)]
            : [];
        return new Contribution(device.Spec.NodeName, model);
    }

    private static Contribution? ReadPod(KubeObject subject, Pod pod)
    {
        if (string.IsNullOrEmpty(pod.Spec?.NodeName))
        {
            return null;
        }

        var keys = new HashSet<ObjectKey>();
        void Need(string type, string? name)
        {
            if (!string.IsNullOrEmpty(name))
            {
                keys.Add(new ObjectKey(subject.Namespace, type, name));
            }
        }

        foreach (var container in (pod.Spec.InitContainers ?? []).Concat(pod.Spec.Containers ?? []))
        {
            foreach (var source in container.EnvFrom ?? [])
            {
                Need(ResourceTypes.ConfigMap, source.ConfigMapRef?.Name);
                Need(ResourceTypes.Secret, source.SecretRef?.Name);
            }

            foreach (var variable in container.Env ?? [])
            {
                Need(ResourceTypes.ConfigMap, variable.ValueFrom?.ConfigMapKeyRef?.Name);
                Need(ResourceTypes.Secret, variable.ValueFrom?.SecretKeyRef?.Name);
            }
        }

        foreach (var volume in pod.Spec.Volumes ?? [])
        {
            Need(ResourceTypes.ConfigMap, volume.ConfigMap?.Name);
            Need(ResourceTypes.Secret, volume.Secret?.SecretName);
            foreach (var source in volume.Projected?.Sources ?? [])
            {
                Need(ResourceTypes.ConfigMap, source.ConfigMap?.Name);
                Need(ResourceTypes.Secret, source.Secret?.Name);
            }
        }

        foreach (var secret in pod.Spec.ImagePullSecrets ?? [])
        {
            Need(ResourceTypes.Secret, secret.Name);
        }

        return new Contribution(pod.Spec.NodeName, keys);
    }
}
