using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Volumes;

/// <summary>Of a PersistentVolumeClaim what the binder and the scheduler act on.</summary>
internal sealed record ClaimGist
{
    public ObjectMeta Metadata { get; set; } = new();

    public ClaimGistSpec Spec { get; set; } = new();

    public ClaimGistStatus? Status { get; set; }
}

internal sealed record ClaimGistSpec
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

internal sealed record ClaimGistStatus
{
    public string? Phase { get; set; }
}

/// <summary>Of a PersistentVolume what the binder and the scheduler act on.</summary>
internal sealed record VolumeGist
{
    public ObjectMeta Metadata { get; set; } = new();

    public VolumeGistSpec Spec { get; set; } = new();

    public VolumeGistStatus? Status { get; set; }
}

internal sealed record VolumeGistSpec
{
    public IReadOnlyDictionary<string, JsonElement>? Capacity { get; set; }

    public IReadOnlyList<string>? AccessModes { get; set; }

    public string? StorageClassName { get; set; }

    public string? VolumeMode { get; set; }

    /// <summary>Whom it belongs to. Without a UID it is kept for a claim that may not be there yet.</summary>
    public VolumeClaimReference? ClaimRef { get; set; }

    public string? PersistentVolumeReclaimPolicy { get; set; }

    /// <summary>From which nodes it can be reached.</summary>
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

internal sealed record VolumeClaimReference
{
    public string? Namespace { get; set; }

    public string? Name { get; set; }

    public string? Uid { get; set; }
}

internal sealed record VolumeGistStatus
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
