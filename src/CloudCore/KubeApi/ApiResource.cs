using System.Text;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>One kind of object and where the Kubernetes API serves it.</summary>
/// <param name="Group">API group; empty for core.</param>
/// <param name="Version">API version, <c>v1</c>.</param>
/// <param name="Plural">The path segment, <c>pods</c>.</param>
/// <param name="Kind">The object's kind, <c>Pod</c>.</param>
/// <param name="Namespaced">False for cluster-scoped objects (nodes, namespaces).</param>
internal sealed record ApiResource(string Group, string Version, string Plural, string Kind, bool Namespaced)
{
    /// <summary>As objects carry it: <c>v1</c>, <c>apps/v1</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The path of the collection; <paramref name="ns"/> null or empty spans all namespaces.</summary>
    public string CollectionPath(string? ns)
    {
        var path = new StringBuilder(Group.Length == 0 ? "/api/" : "/apis/").Append(ApiVersion);
        if (Namespaced && !string.IsNullOrEmpty(ns))
        {
            path.Append("/namespaces/").Append(Uri.EscapeDataString(ns));
        }

        return path.Append('/').Append(Plural).ToString();
    }

    /// <summary>The path of one object, or of its <paramref name="subresource"/> (<c>status</c>).</summary>
    public string ObjectPath(string ns, string name, string? subresource)
    {
        // an empty name would address the whole collection, and a DELETE would take all of it
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Namespaced)
        {
            ArgumentException.ThrowIfNullOrEmpty(ns);
        }

        var path = $"{CollectionPath(ns)}/{Uri.EscapeDataString(name)}";
        return subresource is null ? path : $"{path}/{subresource}";
    }

    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>The kinds that cloudcore reads or writes.</summary>
internal static class ApiResources
{
    public static readonly ApiResource Pods = new("", "v1", "pods", "Pod", true);
    public static readonly ApiResource Nodes = new("", "v1", "nodes", "Node", false);
    public static readonly ApiResource ConfigMaps = new("", "v1", "configmaps", "ConfigMap", true);
    public static readonly ApiResource Secrets = new("", "v1", "secrets", "Secret", true);
    public static readonly ApiResource Events = new("", "v1", "events", "Event", true);
    public static readonly ApiResource Namespaces = new("", "v1", "namespaces", "Namespace", false);
    public static readonly ApiResource Bindings = new("", "v1", "bindings", "Binding", true);
    public static readonly ApiResource PersistentVolumeClaims = new("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true);
    public static readonly ApiResource PersistentVolumes = new("", "v1", "persistentvolumes", "PersistentVolume", false);
    public static readonly ApiResource Deployments = new("apps", "v1", "deployments", "Deployment", true);
    public static readonly ApiResource ReplicaSets = new("apps", "v1", "replicasets", "ReplicaSet", true);
    public static readonly ApiResource ReplicationControllers = new("", "v1", "replicationcontrollers", "ReplicationController", true);
    public static readonly ApiResource StatefulSets = new("apps", "v1", "statefulsets", "StatefulSet", true);
    public static readonly ApiResource Jobs = new("batch", "v1", "jobs", "Job", true);
    public static readonly ApiResource CronJobs = new("batch", "v1", "cronjobs", "CronJob", true);
    public static readonly ApiResource PodGroups = new("scheduling.volcano.sh", "v1beta1", "podgroups", "PodGroup", true);
    public static readonly ApiResource DaemonSets = new("apps", "v1", "daemonsets", "DaemonSet", true);
    public static readonly ApiResource ControllerRevisions = new("apps", "v1", "controllerrevisions", "ControllerRevision", true);
    public static readonly ApiResource PodDisruptionBudgets = new("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true);
    public static readonly ApiResource Leases = new("coordination.k8s.io", "v1", "leases", "Lease", true);
    public static readonly ApiResource Devices = new("devices.kubeedge.io", "v1beta1", "devices", "Device", true);
    public static readonly ApiResource DeviceModels = new("devices.kubeedge.io", "v1beta1", "devicemodels", "DeviceModel", true);
    public static readonly ApiResource DeviceStatuses = new("devices.kubeedge.io", "v1beta1", "devicestatuses", "DeviceStatus", true);
    public static readonly ApiResource ObjectSyncs = new("reliablesyncs.kubeedge.io", "v1alpha1", "objectsyncs", "ObjectSync", true);
    public static readonly ApiResource ClusterObjectSyncs =
        new("reliablesyncs.kubeedge.io", "v1alpha1", "clusterobjectsyncs", "ClusterObjectSync", false);
}
