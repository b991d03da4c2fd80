using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>The owner references by which controllers know what is theirs.</summary>
internal static class Owners
{
    /// <summary>The reference by which <paramref name="owner"/>, of <paramref name="kind"/>, controls what it makes.</summary>
    public static OwnerReference Controlling(this KubeObject owner, KubeApi.ApiResource kind) => new()
    {
        ApiVersion = kind.ApiVersion,
        Kind = kind.Kind,
        Name = owner.Name,
        Uid = owner.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    };

    /// <summary>Whether the owner is of that kind, in whatever version.</summary>
    public static bool Is(this OwnerReference owner, KubeApi.ApiResource kind) =>
        owner.Kind == kind.Kind
        && owner.ApiVersion.StartsWith(kind.Group, StringComparison.Ordinal)
        && (kind.Group.Length == 0 ? !owner.ApiVersion.Contains('/', StringComparison.Ordinal) : owner.ApiVersion.AsSpan(kind.Group.Length).StartsWith("/"));

    /// <summary>
    /// Whether the owner is still there by the API's word: the cache may show one that is gone, and what that adopted would be collected
    /// as garbage (Kubernetes' RecheckDeletionTimestamp).
    /// </summary>
    public static async Task<bool> IsCurrentAsync(this KubeApi.KubeClient client, KubeApi.ApiResource kind, KubeObject owner, CancellationToken ct)
    {
        var live = await client.GetAsync(kind, owner.Namespace, owner.Name, ct);
        return live is { IsDeleting: false } && live.Uid == owner.Uid;
    }

    /// <summary>The reference that controls, if there is one.</summary>
    public static OwnerReference? Controller(this ObjectMeta metadata) =>
        metadata.OwnerReferences?.FirstOrDefault(owner => owner.Controller == true);
}
