using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>What a pod uses of its namespace. Immutable; read once for each version of a pod.</summary>
internal sealed class PodReferences
{
    private static readonly ConditionalWeakTable<StoredObject, PodReferences> s_read = [];

    private readonly HashSet<string> _configMaps = [];
    private readonly HashSet<string> _secrets = [];
    private readonly HashSet<string> _claims = [];

    private PodReferences(JsonObject pod)
    {
        var spec = pod.Object("spec") ?? [];
        Uid = pod.Object("metadata")?.Text("uid") ?? "";
        NodeName = spec.Text("nodeName") ?? "";
        ServiceAccount = spec.Text("serviceAccountName") is { Length: > 0 } account ? account : "default";
        IsMirror = pod.Object("metadata")?.Object("annotations")?.ContainsKey("kubernetes.io/config.mirror") == true;
        foreach (var container in ((string[])["initContainers", "containers", "ephemeralContainers"]).SelectMany(list => spec.Objects(list)))
        {
            foreach (var source in container.Objects("env").Select(e => e.Object("valueFrom")))
            {
                Add(_configMaps, source?.Object("configMapKeyRef")?.Text("name"));
                Add(_secrets, source?.Object("secretKeyRef")?.Text("name"));
            }

            foreach (var source in container.Objects("envFrom"))
            {
                Add(_configMaps, source.Object("configMapRef")?.Text("name"));
                Add(_secrets, source.Object("secretRef")?.Text("name"));
            }
        }

        foreach (var secret in spec.Objects("imagePullSecrets"))
        {
            Add(_secrets, secret.Text("name"));
        }

        foreach (var volume in spec.Objects("volumes"))
        {
            ReadVolume(pod, volume);
        }
    }

    public string Uid { get; }

    public string NodeName { get; }

    public string ServiceAccount { get; }

    /// <summary>Whether the pod is the image of a static one, which a node may write itself.</summary>
    public bool IsMirror { get; }

    public static PodReferences Of(StoredObject pod) => s_read.GetValue(pod, static p => new PodReferences(p.Parse()));

    public static PodReferences Of(JsonObject pod) => new(pod);

    public bool UsesConfigMap(string name) => _configMaps.Contains(name);

    public bool UsesSecret(string name) => _secrets.Contains(name);

    public bool UsesClaim(string name) => _claims.Contains(name);

    /// <summary>Whether it uses anything that a node would need to read, so that a node must not make such a pod itself.</summary>
    public bool UsesAnything => _configMaps.Count + _secrets.Count + _claims.Count > 0;

    private void ReadVolume(JsonObject pod, JsonObject volume)
    {
        Add(_configMaps, volume.Object("configMap")?.Text("name"));
        Add(_secrets, volume.Object("secret")?.Text("secretName"));
        Add(_claims, volume.Object("persistentVolumeClaim")?.Text("claimName"));
        if (volume["ephemeral"] is not null)
        {
            Add(_claims, $"{pod.Object("metadata")?.Text("name")}-{volume.Text("name")}");
        }

        foreach (var source in volume.Object("projected")?.Objects("sources") ?? [])
        {
            Add(_configMaps, source.Object("configMap")?.Text("name"));
            Add(_secrets, source.Object("secret")?.Text("name"));
        }

        foreach (var (_, source) in volume)
        {
            // csi, cephfs, rbd and others name their secret so
            Add(_secrets, (source as JsonObject)?.Object("secretRef")?.Text("name"));
            Add(_secrets, (source as JsonObject)?.Object("nodePublishSecretRef")?.Text("name"));
        }
    }

    private static void Add(HashSet<string> names, string? name)
    {
        if (name is { Length: > 0 })
        {
            names.Add(name);
        }
    }
}
