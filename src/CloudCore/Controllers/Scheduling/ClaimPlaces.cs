using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Of a claim which volume it is bound to.</summary>
internal sealed record ClaimGist
{
    public ClaimGistSpec? Spec { get; set; }

    public ClaimGistStatus? Status { get; set; }
}

internal sealed record ClaimGistSpec
{
    public string? VolumeName { get; set; }
}

internal sealed record ClaimGistStatus
{
    public string? Phase { get; set; }
}

/// <summary>Of a volume from which nodes it can be reached.</summary>
internal sealed record VolumeGist
{
    public VolumeGistSpec? Spec { get; set; }
}

internal sealed record VolumeGistSpec
{
    public VolumeNodeAffinity? NodeAffinity { get; set; }

    public VolumeFolder? HostPath { get; set; }

    public VolumeFolder? Local { get; set; }
}

internal sealed record VolumeNodeAffinity
{
    public NodeSelector? Required { get; set; }
}

/// <summary>Of a volume that is a folder of a node where that is.</summary>
internal sealed record VolumeFolder
{
    public string Path { get; set; } = "";

    /// <summary>As in a hostPath volume.</summary>
    public string? Type { get; set; }
}

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
            if (view.Spec?.VolumeName is not { Length: > 0 } volume || view.Status?.Phase != "Bound")
            {
                return Refuse("pod has unbound immediate PersistentVolumeClaims");
            }

            if (volumes(volume) is not { } value)
            {
                return Refuse($"persistentvolume \"{volume}\" not found");
            }

            var spec = value.View(ControllersJson.Default.VolumeGist).Spec;
            if (spec?.NodeAffinity?.Required is { } required)
            {
                selectors.Add(required);
            }

            // a local volume is often a disk of its own: where that is not mounted, no folder may be made in its place
            if ((spec?.HostPath ?? (spec?.Local is { } local ? local with { Type = "Directory" } : null)) is { } folder)
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

    private static PodVolumes Refuse(string why) => new(why, static _ => null);
}
