using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>What the history reads of a workload that has one.</summary>
/// <param name="Value">The workload.</param>
/// <param name="Metadata">Its metadata.</param>
/// <param name="Selector">Which revisions it may take that nobody has.</param>
/// <param name="TemplateLabels">The labels of its template, which its revisions carry.</param>
/// <param name="CollisionCount">Its status' count.</param>
/// <param name="Limit">How many old revisions it keeps; null for the default.</param>
internal sealed record RevisionOwner(
    KubeObject Value, ObjectMeta Metadata, LabelSelector? Selector, IReadOnlyDictionary<string, string>? TemplateLabels, int CollisionCount, int? Limit);

/// <summary>
/// The ControllerRevisions of DaemonSets or StatefulSets: one for each template, the current one with the highest number, as
/// <c>kubectl rollout history</c> and <c>undo</c> read them. Its data is the patch that brings its template back:
/// <code>{"spec":{"template":{"$patch":"replace","metadata":…,"spec":…}}}</code>
/// </summary>
/// <param name="client">The API.</param>
/// <param name="revisions">All that there are.</param>
/// <param name="kind">Of the workloads.</param>
/// <param name="hashLabel">The label in which a revision has its hash.</param>
internal sealed class RevisionHistory(KubeClient client, RevisionIndex revisions, ApiResource kind, string hashLabel)
{
    private const int DefaultLimit = 10;
    private const int HashLength = 10;

    // the template of an unchanged generation is not written and hashed again; a few entries per DaemonSet
    private readonly ConcurrentDictionary<string, (string Version, byte[] Data, string Digest)> _templates = new();

    /// <summary>The current template's revision, after it is stored and has the highest number.</summary>
    public async Task<CurrentRevision> EnsureCurrentAsync(RevisionOwner owner, CancellationToken ct)
    {
        var (data, digest) = ReadTemplate(owner);
        var plan = RevisionPlan.Decide(await ClaimAsync(owner, ct), digest);
        if (plan.Current is not { } current)
        {
            var (name, hash) = await CreateAsync(owner, data, digest, plan.Number, ct);
            return new CurrentRevision(name, hash, []);
        }

        if (current.Revision < plan.Number)
        {
            // gone back to an earlier template: its revision is the newest again
            var patch = string.Create(CultureInfo.InvariantCulture, $$"""{"revision":{{plan.Number}}}""");
            await client.PatchAsync(
                ApiResources.ControllerRevisions, current.Name.Namespace, current.Name.Name, PatchType.Merge,
                Encoding.UTF8.GetBytes(patch), null, ct);
        }

        return new CurrentRevision(current.Name.Name, current.Hash, plan.Duplicates);
    }

    /// <summary>Deletes revisions.</summary>
    public async Task DeleteAsync(IEnumerable<RevisionFacts> unwanted, CancellationToken ct)
    {
        foreach (var revision in unwanted)
        {
            try
            {
                await client.DeleteAsync(
                    ApiResources.ControllerRevisions, revision.Name.Namespace, revision.Name.Name,
                    new DeleteOptions { Uid = revision.Uid }, ct);
            }
            catch (ApiException e) when (e.IsNotFound || e.IsConflict)
            {
                // gone already
            }
        }
    }

    /// <summary>Deletes the oldest revisions past the limit; never one that is in use.</summary>
    /// <param name="owner">The workload.</param>
    /// <param name="isInUse">Whether it is the current one, or of a pod that is there.</param>
    /// <param name="ct">Ends the requests.</param>
    public async Task TrimAsync(RevisionOwner owner, Func<RevisionFacts, bool> isInUse, CancellationToken ct)
    {
        var old = revisions.OwnedBy(owner.Value.Uid).Where(revision => !isInUse(revision) && !revision.IsDeleting).ToList();
        await DeleteAsync(old.Take(Math.Max(0, old.Count - (owner.Limit ?? DefaultLimit))), ct);
    }

    /// <summary>Frees what is kept for workloads that are no more.</summary>
    public void Retain(IReadOnlySet<string> owners)
    {
        foreach (var uid in _templates.Keys.Where(uid => !owners.Contains(uid)))
        {
            _templates.TryRemove(uid, out _);
        }
    }

    /// <summary>
    /// Its revisions, oldest first, after it has taken those that fit its selector and that nobody controls, whatever their names: what a
    /// workload that was deleted with --cascade=orphan left is the history of the next one with its selector
    /// (Kubernetes' ControllerRevisionControllerRefManager).
    /// </summary>
    private async Task<IReadOnlyList<RevisionFacts>> ClaimAsync(RevisionOwner owner, CancellationToken ct)
    {
        var known = revisions.OwnedBy(owner.Value.Uid);
        var orphans = revisions.Orphans(owner.Value.Namespace).Where(revision => owner.Selector.Matches(revision.Labels)).ToList();
        if (orphans.Count == 0 || !await client.IsCurrentAsync(kind, owner.Value, ct))
        {
            return known;
        }

        foreach (var orphan in orphans)
        {
            await client.PatchAsync(
                ApiResources.ControllerRevisions, orphan.Name.Namespace, orphan.Name.Name, PatchType.Merge,
                MetadataPatch.Owners(orphan.Uid, orphan.Owners.Append(owner.Value.Controlling(kind))), null, ct);
        }

        return RevisionIndex.InOrder(known.Concat(orphans));
    }

    private async Task<(string Name, string Hash)> CreateAsync(RevisionOwner owner, byte[] data, string digest, long number, CancellationToken ct)
    {
        // the collision count makes another hash where two templates have the same one
        var collisions = owner.CollisionCount;
        var hash = SafeNames.Suffix(
            SHA256.HashData([.. data, .. Encoding.ASCII.GetBytes(collisions.ToString(CultureInfo.InvariantCulture))]), HashLength);
        var name = $"{owner.Value.Name}-{hash}";
        try
        {
            await client.CreateAsync(
                ApiResources.ControllerRevisions, owner.Value.Namespace, Write(owner, (name, hash), data, number), ct);
            return (name, hash);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // ours, or nobody's, and only the cache is behind
            var existing = await client.GetAsync(ApiResources.ControllerRevisions, owner.Value.Namespace, name, ct);
            if (existing is null)
            {
                throw;
            }

            var facts = RevisionFacts.Read(existing);
            if (facts.Digest != digest)
            {
                await BumpCollisionCountAsync(owner.Value, collisions + 1, ct);
                throw;
            }

            if (facts.Owners.Count == 0)
            {
                await client.PatchAsync(
                    ApiResources.ControllerRevisions, owner.Value.Namespace, name, PatchType.Merge,
                    MetadataPatch.Owners(existing.Uid, [owner.Value.Controlling(kind)]), null, ct);
            }

            return (name, hash);
        }
    }

    // only if nobody else has counted meanwhile
    private async Task BumpCollisionCountAsync(KubeObject workload, int count, CancellationToken ct) =>
        await StatusPatch.WriteAsync(client, kind, workload, new JsonObject { ["collisionCount"] = count }, ct, overThisVersion: true);

    private byte[] Write(RevisionOwner owner, (string Name, string Hash) id, byte[] data, long number)
    {
        var labels = Copy(owner.TemplateLabels);
        labels[hashLabel] = id.Hash;
        var revision = new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "ControllerRevision",
            ["metadata"] = new JsonObject
            {
                ["name"] = id.Name,
                ["namespace"] = owner.Value.Namespace,
                ["labels"] = labels,
                // "kubectl rollout history" shows kubernetes.io/change-cause from here
                ["annotations"] = Copy(owner.Metadata.Annotations),
                ["ownerReferences"] = new JsonArray(MetadataPatch.Write(owner.Value.Controlling(kind))),
            },
            ["revision"] = number,
            ["data"] = JsonNode.Parse(data),
        };
        return Encoding.UTF8.GetBytes(revision.ToJsonString());
    }

    private static JsonObject Copy(IReadOnlyDictionary<string, string>? values)
    {
        var copy = new JsonObject();
        foreach (var (key, value) in values ?? LabelSelectors.NoLabels)
        {
            copy[key] = value;
        }

        return copy;
    }

    private (byte[] Data, string Digest) ReadTemplate(RevisionOwner owner)
    {
        var version = owner.Metadata.Generation is { } generation
            ? generation.ToString(CultureInfo.InvariantCulture)
            : owner.Value.ResourceVersion;
        if (_templates.TryGetValue(owner.Value.Uid, out var cached) && cached.Version == version)
        {
            return (cached.Data, cached.Digest);
        }

        var template = JsonNode.Parse(owner.Value.Json.Span)!["spec"]!["template"]!.DeepClone().AsObject();
        template["$patch"] = "replace";
        var patch = new JsonObject { ["spec"] = new JsonObject { ["template"] = template } };
        using var json = JsonDocument.Parse(patch.ToJsonString());
        var data = CanonicalJson.Write(json.RootElement);
        var digest = RevisionFacts.DigestOf(json.RootElement);
        _templates[owner.Value.Uid] = (version, data, digest);
        return (data, digest);
    }
}
