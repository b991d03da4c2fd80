using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Volumes;

/// <summary>A volume with its view.</summary>
internal sealed record Volume(KubeObject Value, VolumeGist View)
{
    public string Name => Value.Name;

    public VolumeClaimReference? Claim => View.Spec.ClaimRef;

    /// <summary>A folder of a node: what an edge node can give a pod without a storage driver.</summary>
    public bool IsFolder => View.Spec.HostPath is not null || View.Spec.Local is not null;

    public static Volume Of(KubeObject value) => new(value, value.View(ControllersJson.Default.VolumeGist));
}

/// <summary>
/// Which volume a claim gets: pure functions, by the rules of Kubernetes' volume binder. The volume that is kept for the claim, else of those
/// that fit and are free the one with the fewest access modes, then the smallest.
/// </summary>
internal static class VolumeMatch
{
    public static Volume? Find(KubeObject claim, ClaimGist view, IEnumerable<Volume> volumes)
    {
        Volume? best = null;
        foreach (var volume in volumes.Where(volume => !volume.Value.IsDeleting))
        {
            if (volume.Claim is not null)
            {
                if (IsFor(volume, claim) && volume.IsFolder && WhyNot(view, volume, reserved: true) is null)
                {
                    return volume;
                }

                continue;
            }

            if (volume.IsFolder && volume.View.Status?.Phase == "Available" && WhyNot(view, volume, reserved: false) is null
                && (best is null || Order(volume).CompareTo(Order(best)) < 0))
            {
                best = volume;
            }
        }

        return best;
    }

    /// <summary>Whether the volume belongs to the claim or is kept for it.</summary>
    public static bool IsFor(Volume volume, KubeObject claim) =>
        volume.Claim is { } reference && reference.Namespace == claim.Namespace && reference.Name == claim.Name
        && (string.IsNullOrEmpty(reference.Uid) || reference.Uid == claim.Uid);

    /// <summary>What keeps the claim from the volume, in Kubernetes' words; null where it fits.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="volume">The volume.</param>
    /// <param name="reserved">Whether one names the other: then labels do not count.</param>
    public static string? WhyNot(ClaimGist claim, Volume volume, bool reserved)
    {
        if (SizeOf(volume) < RequestOf(claim))
        {
            return "requested PV is too small";
        }

        if (ClassOf(volume) != ClassOf(claim))
        {
            return "storageClassName does not match";
        }

        if ((claim.Spec.VolumeMode ?? "Filesystem") != (volume.View.Spec.VolumeMode ?? "Filesystem"))
        {
            return "incompatible volumeMode";
        }

        if ((claim.Spec.AccessModes ?? []).Except(volume.View.Spec.AccessModes ?? []).Any())
        {
            return "incompatible accessMode";
        }

        return !reserved && claim.Spec.Selector is { } selector && !selector.Matches(volume.View.Metadata.Labels ?? LabelSelectors.NoLabels)
            ? "labels do not match the selector"
            : null;
    }

    public static string ClassOf(ClaimGist claim) =>
        claim.Metadata.Annotations?.GetValueOrDefault("volume.beta.kubernetes.io/storage-class") ?? claim.Spec.StorageClassName ?? "";

    public static string ClassOf(Volume volume) =>
        volume.View.Metadata.Annotations?.GetValueOrDefault("volume.beta.kubernetes.io/storage-class") ?? volume.View.Spec.StorageClassName ?? "";

    private static (int Modes, decimal Size, string Name) Order(Volume volume) =>
        (volume.View.Spec.AccessModes?.Count ?? 0, SizeOf(volume).Value, volume.Name);

    private static Quantity SizeOf(Volume volume) =>
        volume.View.Spec.Capacity?.TryGetValue("storage", out var size) == true && Quantity.TryRead(size, out var quantity) ? quantity : Quantity.Zero;

    private static Quantity RequestOf(ClaimGist claim) =>
        claim.Spec.Resources?.Requests?.TryGetValue("storage", out var size) == true && Quantity.TryRead(size, out var quantity) ? quantity : Quantity.Zero;
}
