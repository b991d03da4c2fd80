using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Volumes;

/// <summary>Of a PersistentVolumeClaim what the binder acts on.</summary>
internal sealed record ClaimToBind
{
    public ObjectMeta Metadata { get; set; } = new();

    public ClaimToBindSpec Spec { get; set; } = new();

    public ClaimToBindStatus? Status { get; set; }
}

internal sealed record ClaimToBindSpec
{
    public IReadOnlyList<string>? AccessModes { get; set; }

    /// <summary>Null and empty alike ask for volumes of no class.</summary>
    public string? StorageClassName { get; set; }

    /// <summary>The volume that it is bound to, or that it asks for by name.</summary>
    public string? VolumeName { get; set; }

    public string? VolumeMode { get; set; }

    public LabelSelector? Selector { get; set; }

    public ResourceRequirements? Resources { get; set; }
}

internal sealed record ClaimToBindStatus
{
    public string? Phase { get; set; }
}

/// <summary>Of a PersistentVolume what the binder acts on.</summary>
internal sealed record VolumeToBind
{
    public ObjectMeta Metadata { get; set; } = new();

    public VolumeToBindSpec Spec { get; set; } = new();

    public VolumeToBindStatus? Status { get; set; }
}

internal sealed record VolumeToBindSpec
{
    public IReadOnlyDictionary<string, JsonElement>? Capacity { get; set; }

    public IReadOnlyList<string>? AccessModes { get; set; }

    public string? StorageClassName { get; set; }

    public string? VolumeMode { get; set; }

    /// <summary>Whom it belongs to. Without a UID it is kept for a claim that may not be there yet.</summary>
    public VolumeClaimReference? ClaimRef { get; set; }

    public string? PersistentVolumeReclaimPolicy { get; set; }

    public JsonElement? HostPath { get; set; }

    public JsonElement? Local { get; set; }
}

internal sealed record VolumeClaimReference
{
    public string? Namespace { get; set; }

    public string? Name { get; set; }

    public string? Uid { get; set; }
}

internal sealed record VolumeToBindStatus
{
    public string? Phase { get; set; }
}

/// <summary>Of a StorageClass when its claims are bound, and by whom.</summary>
internal sealed record StorageClassGist
{
    public string? Provisioner { get; set; }

    /// <summary>Immediate (the default) or WaitForFirstConsumer.</summary>
    public string? VolumeBindingMode { get; set; }
}
