using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.Controllers.Volumes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>What the claims of a pod mean for where it can go: each must be bound, and its volume reachable from the node.</summary>
internal sealed class ClaimPlaces(Func<NamespacedName, KubeObject?> claims, Func<string, KubeObject?> volumes)
{
    public ClaimPlaces(Informer claims, Informer volumes)
        : this(claims.Get, name => volumes.Get(new NamespacedName("", name)))
    {
    }

    public PodVolumes Of(SchedulingPod pod)
    {
        if (pod.Claims.Count == 0)
        {
            return PodVolumes.None;
        }

        var selectors = new List<NodeSelector>();
        var folders = new Dictionary<string, VolumeFolder>();
        foreach (var name in pod.Claims)
        {
            if (claims(new NamespacedName(pod.Name.Namespace, name)) is not { } claim)
            {
                return Refuse($"persistentvolumeclaim \"{name}\" not found");
            }

            if (claim.IsDeleting)
            {
                return Refuse($"persistentvolumeclaim \"{name}\" is being deleted");
            }

            var view = claim.View(ControllersJson.Default.ClaimGist);
            if (view.Spec.VolumeName is not { Length: > 0 } volume || view.Status?.Phase != "Bound")
            {
                return Refuse("pod has unbound immediate PersistentVolumeClaims");
            }

            if (volumes(volume) is not { } value)
            {
                return Refuse($"persistentvolume \"{volume}\" not found");
            }

            var spec = value.View(ControllersJson.Default.VolumeGist).Spec;
            if (spec.NodeAffinity?.Required is { } required)
            {
                selectors.Add(required);
            }

            // a local volume is often a disk of its own: where that is not mounted, no folder may be made in its place
            if ((spec.HostPath ?? (spec.Local is { } local ? local with { Type = "Directory" } : null)) is { } folder)
            {
                folders[name] = folder;
            }
        }

        return new PodVolumes(null, node => selectors.TrueForAll(
            selector => selector.NodeSelectorTerms.Any(term => DaemonPlacement.FitsTerm(term, node.Name, node.Labels)))
            ? null
            : new FilterVerdict("node(s) had volume node affinity conflict", Resolvable: false))
        { Folders = folders };
    }

    /// <summary>As the annotation <see cref="EdgeAnnotations.ClaimFolders"/> has it.</summary>
    public static string Write(IReadOnlyDictionary<string, VolumeFolder> folders) => new JsonObject(folders.Select(folder => KeyValuePair.Create(
        folder.Key, (JsonNode?)new JsonObject { ["path"] = folder.Value.Path, ["type"] = folder.Value.Type ?? "" }))).ToJsonString();

    private static PodVolumes Refuse(string why) => new(why, static _ => null);
}
