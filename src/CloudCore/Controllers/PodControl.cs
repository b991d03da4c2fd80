using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// The requests by which a controller makes, deletes, adopts and releases its pods; what the pod cache does not show yet
/// is noted in <paramref name="inFlight"/>.
/// </summary>
internal sealed partial class PodControl(KubeClient client, PodIndex pods, PodsInFlight inFlight, ApiResource kind, ILogger logger)
{
    private readonly ILogger _logger = logger;

    /// <summary>The pods that the owner controls, as the cache has them, corrected by what is in flight.</summary>
    public List<PodFacts> Controlled(KubeObject owner) =>
        inFlight.Correct(owner.Uid, pods.OwnedBy(owner.Uid).Where(pod => pod.Controller?.Uid == owner.Uid));

    /// <summary>
    /// Makes a pod. Where no answer comes, or one that leaves open what has become of it, its name is kept and asked for
    /// before the next look (<see cref="SettleAsync"/>), so that a lost answer does not make a second pod.
    /// </summary>
    public async Task<KubeObject> CreateAsync(KubeObject owner, string name, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        inFlight.NoteAsked(owner.Uid, name);
        KubeObject made;
        try
        {
            made = await client.CreateAsync(ApiResources.Pods, owner.Namespace, body, ct);
        }
        catch (ApiException e) when (!e.IsTransient)
        {
            // refused: it is certainly not there by this request
            inFlight.NoteAnswered(owner.Uid, name);
            throw;
        }

        inFlight.NoteMade(owner.Uid, PodFacts.Read(made));
        inFlight.NoteAnswered(owner.Uid, name);
        return made;
    }

    /// <summary>Asks the pod to go, with its own grace.</summary>
    public async Task DeleteAsync(KubeObject owner, PodFacts pod, CancellationToken ct)
    {
        try
        {
            await client.DeleteAsync(ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, new DeleteOptions { Uid = pod.Uid }, ct);
            LogDeleted(owner.Describe(), pod.Name, pod.NodeName);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }

        inFlight.NoteDeleted(owner.Uid, pod.Uid);
    }

    /// <summary>
    /// Takes pods that fit the selector and that nobody controls, and lets go of own ones that no longer fit, as
    /// Kubernetes does: that is how an owner deleted with --cascade=orphan and made again finds its pods.
    /// </summary>
    /// <param name="owner">Who claims.</param>
    /// <param name="selector">Which pods; none and an empty one claim nothing.</param>
    /// <param name="mayAdopt">What else a pod must be to be taken.</param>
    /// <param name="ct">Ends the requests.</param>
    public async Task ClaimAsync(KubeObject owner, LabelSelector? selector, Func<PodFacts, bool>? mayAdopt, CancellationToken ct)
    {
        if (selector is null || (selector.MatchLabels is null or { Count: 0 } && selector.MatchExpressions is null or { Count: 0 }))
        {
            return;
        }

        var adopt = pods.Uncontrolled(owner.Namespace)
            .Where(pod => !pod.IsDeleting && selector.Matches(pod.Labels) && mayAdopt?.Invoke(pod) != false).ToList();
        if (adopt.Count > 0 && await client.IsCurrentAsync(kind, owner, ct))
        {
            foreach (var pod in adopt)
            {
                if (await SetOwnersAsync(pod, pod.Owners.Append(owner.Controlling(kind)), ct) is { } adopted)
                {
                    // counted from now on: until the cache shows whose it is, another one would be made in its place
                    inFlight.NoteMade(owner.Uid, PodFacts.Read(adopted));
                    LogAdopted(owner.Describe(), pod.Name);
                }
            }
        }

        var release = pods.OwnedBy(owner.Uid)
            .Where(pod => pod.Controller?.Uid == owner.Uid && !pod.IsDeleting && !selector.Matches(pod.Labels));
        foreach (var pod in release)
        {
            await SetOwnersAsync(pod, pod.Owners.Where(reference => reference.Uid != owner.Uid), ct);
            LogReleased(owner.Describe(), pod.Name);
        }
    }

    /// <summary>Asks the API about pods that the cache should have shown by now, and about those whose making was not answered.</summary>
    public async Task SettleAsync(KubeObject owner, CancellationToken ct)
    {
        foreach (var pod in inFlight.Overdue(owner.Uid))
        {
            var live = await client.GetAsync(ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, ct);
            if (live?.Uid != pod.Uid)
            {
                inFlight.Settle(owner.Uid, pod.Uid, gone: true);
            }
        }

        foreach (var name in inFlight.Unanswered(owner.Uid))
        {
            var live = await client.GetAsync(ApiResources.Pods, owner.Namespace, name, ct);
            if (live is not null && PodFacts.Read(live) is var made && made.Controller?.Uid == owner.Uid)
            {
                inFlight.NoteMade(owner.Uid, made);
            }

            inFlight.NoteAnswered(owner.Uid, name);
        }
    }

    /// <returns>The pod as it is then; null where it is gone.</returns>
    private async Task<KubeObject?> SetOwnersAsync(PodFacts pod, IEnumerable<OwnerReference> owners, CancellationToken ct)
    {
        try
        {
            return await client.PatchAsync(
                ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, PatchType.Merge, MetadataPatch.Owners(pod.Uid, owners), null, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
            return null;
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Owner}: pod {Pod} on {Node} deleted")]
    private partial void LogDeleted(string owner, NamespacedName pod, string node);

    [LoggerMessage(LogLevel.Information, "{Owner}: pod {Pod} adopted")]
    private partial void LogAdopted(string owner, NamespacedName pod);

    [LoggerMessage(LogLevel.Information, "{Owner}: pod {Pod} released, it no longer fits the selector")]
    private partial void LogReleased(string owner, NamespacedName pod);
}
