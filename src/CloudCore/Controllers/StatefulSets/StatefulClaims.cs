using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.StatefulSets;

/// <summary>
/// The claims of StatefulSets' pods: made before the pod, kept when it goes, unless
/// <c>persistentVolumeClaimRetentionPolicy</c> says otherwise. Then they get an owner, with which the garbage collector takes them.
/// </summary>
internal sealed class StatefulClaims(KubeClient client, Informer claims, EventRecorder events, string component)
{
    /// <summary>Makes those of a pod's claims that are not there.</summary>
    public async Task EnsureAsync(KubeObject value, StatefulSet set, StatefulPodWriter writer, int ordinal, CancellationToken ct)
    {
        foreach (var (_, name, template) in writer.Claims(ordinal))
        {
            if (claims.Get(new NamespacedName(value.Namespace, name)) is not null)
            {
                continue;
            }

            var subject = EventSubject.Of(value, ApiResources.StatefulSets);
            try
            {
                await client.CreateAsync(
                    ApiResources.PersistentVolumeClaims, value.Namespace, writer.WriteClaim(name, template, Owners(value, set, null)), ct);
                events.Record(component, subject, false, "SuccessfulCreate", $"create Claim {name} Pod {writer.Name(ordinal)} in StatefulSet {value.Name} success");
            }
            catch (ApiException e) when (e.IsAlreadyExists)
            {
                // the cache is behind, or somebody made it for us
            }
            catch (ApiException e)
            {
                events.Record(
                    component, subject, true, "FailedCreate",
                    $"create Claim {name} for Pod {writer.Name(ordinal)} in StatefulSet {value.Name} failed error: {e.Status.Message ?? e.Message}");
                throw;
            }
        }
    }

    /// <summary>Gives a pod's claims the owners that the policy asks for, and takes from them those that it does not.</summary>
    /// <param name="value">The StatefulSet.</param>
    /// <param name="set">A view of it.</param>
    /// <param name="writer">Of its pods.</param>
    /// <param name="pod">The pod.</param>
    /// <param name="ordinal">Its number.</param>
    /// <param name="isCondemned">Whether it goes because there are fewer replicas.</param>
    /// <param name="ct">Ends the requests.</param>
    public async Task OwnAsync(KubeObject value, StatefulSet set, StatefulPodWriter writer, PodFacts pod, int ordinal, bool isCondemned, CancellationToken ct)
    {
        foreach (var (_, name, _) in writer.Claims(ordinal))
        {
            if (claims.Get(new NamespacedName(value.Namespace, name)) is not { IsDeleting: false } claim)
            {
                continue;
            }

            var has = claim.View(KubernetesJson.Default.AnyObject).Metadata.OwnerReferences ?? [];
            var wanted = Owners(value, set, isCondemned ? pod : null).ToList();
            // what others own is left as it is; an owner of an earlier pod of the name is ours too
            var kept = has.Where(owner => !(owner.Uid == value.Uid || (owner.Kind == "Pod" && owner.Name == pod.Name.Name))).ToList();
            var all = kept.Concat(wanted).ToList();
            if (all.Count == has.Count && all.TrueForAll(owner => has.Any(before => before.Uid == owner.Uid)))
            {
                continue;
            }

            try
            {
                await client.PatchAsync(
                    ApiResources.PersistentVolumeClaims, value.Namespace, name, PatchType.Merge, MetadataPatch.Owners(claim, all), null, ct);
            }
            catch (ApiException e) when (e.IsNotFound)
            {
                // gone
            }
        }
    }

    private static IEnumerable<OwnerReference> Owners(KubeObject value, StatefulSet set, PodFacts? condemned)
    {
        var policy = set.Spec.PersistentVolumeClaimRetentionPolicy;
        if (condemned is not null && policy?.WhenScaled == "Delete")
        {
            return [new OwnerReference { ApiVersion = "v1", Kind = "Pod", Name = condemned.Name.Name, Uid = condemned.Uid }];
        }

        return policy?.WhenDeleted == "Delete" ? [value.Controlling(ApiResources.StatefulSets)] : [];
    }
}
