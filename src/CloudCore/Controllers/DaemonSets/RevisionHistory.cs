using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// The ControllerRevisions of DaemonSets: one for each template, the current one with the highest number, as
/// <c>kubectl rollout history</c> and <c>undo</c> read them. Its data is the patch that brings its template back:
/// <code>{"spec":{"template":{"$patch":"replace","metadata":…,"spec":…}}}</code>
/// </summary>
internal sealed class RevisionHistory(KubeClient client, RevisionIndex revisions)
{
    private const int DefaultLimit = 10;
    private const int HashLength = 10;

    // the template of an unchanged generation is not written and hashed again; a few entries per DaemonSet
    private readonly ConcurrentDictionary<string, (string Version, byte[] Data, string Digest)> _templates = new();

    /// <summary>The hash of the current template, after its revision is stored and has the highest number.</summary>
    public async Task<string> EnsureCurrentAsync(KubeObject daemonSet, DaemonSet view, CancellationToken ct)
    {
        var (data, digest) = ReadTemplate(daemonSet, view);
        var known = revisions.OwnedBy(daemonSet.Uid);
        var highest = known.Count == 0 ? 0 : known[^1].Revision;
        var current = known.LastOrDefault(revision => revision.Digest == digest && revision.Hash.Length > 0 && !revision.IsDeleting);
        if (current is null)
        {
            return await CreateAsync(daemonSet, view, data, digest, highest + 1, ct);
        }

        if (current.Revision < highest)
        {
            // gone back to an earlier template: its revision is the newest again
            var patch = string.Create(CultureInfo.InvariantCulture, $$"""{"revision":{{highest + 1}}}""");
            await client.PatchAsync(
                ApiResources.ControllerRevisions, current.Name.Namespace, current.Name.Name, PatchType.Merge,
                Encoding.UTF8.GetBytes(patch), null, ct);
        }

        return current.Hash;
    }

    /// <summary>Deletes the oldest revisions past the limit; never the current one or one that a pod still has.</summary>
    public async Task TrimAsync(DaemonSet view, string uid, string currentHash, IEnumerable<PodFacts> pods, CancellationToken ct)
    {
        var live = pods.Select(pod => pod.Labels.GetValueOrDefault(DaemonPodWriter.HashLabel)).Append(currentHash).ToHashSet();
        var old = revisions.OwnedBy(uid).Where(revision => revision.Hash != currentHash && !revision.IsDeleting).ToList();
        var surplus = old.Count - (view.Spec.RevisionHistoryLimit ?? DefaultLimit);
        foreach (var revision in old.Where(revision => !live.Contains(revision.Hash)).Take(Math.Max(0, surplus)))
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

    /// <summary>Frees what is kept for DaemonSets that are no more.</summary>
    public void Retain(IReadOnlySet<string> owners)
    {
        foreach (var uid in _templates.Keys.Where(uid => !owners.Contains(uid)))
        {
            _templates.TryRemove(uid, out _);
        }
    }

    private async Task<string> CreateAsync(
        KubeObject daemonSet, DaemonSet view, byte[] data, string digest, long number, CancellationToken ct)
    {
        // the collision count makes another hash where two templates have the same one
        var collisions = view.Status?.CollisionCount ?? 0;
        var hash = SafeNames.Suffix(
            SHA256.HashData([.. data, .. Encoding.ASCII.GetBytes(collisions.ToString(CultureInfo.InvariantCulture))]), HashLength);
        var name = $"{daemonSet.Name}-{hash}";
        try
        {
            await client.CreateAsync(
                ApiResources.ControllerRevisions, daemonSet.Namespace, Write(daemonSet, view, (name, hash), data, number), ct);
            return hash;
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // ours, and only the cache is behind; or left by a DaemonSet that was deleted with --cascade=orphan
            var existing = await client.GetAsync(ApiResources.ControllerRevisions, daemonSet.Namespace, name, ct);
            if (existing is null)
            {
                throw;
            }

            var facts = RevisionFacts.Read(existing);
            if (facts.Digest != digest)
            {
                await BumpCollisionCountAsync(daemonSet, collisions + 1, ct);
                throw;
            }

            if (facts.Owners.Count == 0)
            {
                await client.PatchAsync(
                    ApiResources.ControllerRevisions, daemonSet.Namespace, name, PatchType.Merge,
                    MetadataPatch.Owners(existing.Uid, [daemonSet.Controlling(ApiResources.DaemonSets)]), null, ct);
            }

            return hash;
        }
    }

    private async Task BumpCollisionCountAsync(KubeObject daemonSet, int count, CancellationToken ct)
    {
        // only if nobody else has counted meanwhile
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = daemonSet.Uid, ["resourceVersion"] = daemonSet.ResourceVersion },
            ["status"] = new JsonObject { ["collisionCount"] = count },
        };
        await client.PatchAsync(
            ApiResources.DaemonSets, daemonSet.Namespace, daemonSet.Name, PatchType.Merge,
            Encoding.UTF8.GetBytes(patch.ToJsonString()), "status", ct);
    }

    private static byte[] Write(KubeObject daemonSet, DaemonSet view, (string Name, string Hash) id, byte[] data, long number)
    {
        var labels = Copy(view.Spec.Template.Metadata.Labels);
        labels[DaemonPodWriter.HashLabel] = id.Hash;
        var owner = daemonSet.Controlling(ApiResources.DaemonSets);
        var revision = new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "ControllerRevision",
            ["metadata"] = new JsonObject
            {
                ["name"] = id.Name,
                ["namespace"] = daemonSet.Namespace,
                ["labels"] = labels,
                // "kubectl rollout history" shows kubernetes.io/change-cause from here
                ["annotations"] = Copy(view.Metadata.Annotations),
                ["ownerReferences"] = new JsonArray(new JsonObject
                {
                    ["apiVersion"] = owner.ApiVersion,
                    ["kind"] = owner.Kind,
                    ["name"] = owner.Name,
                    ["uid"] = owner.Uid,
                    ["controller"] = true,
                    ["blockOwnerDeletion"] = true,
                }),
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

    private (byte[] Data, string Digest) ReadTemplate(KubeObject daemonSet, DaemonSet view)
    {
        var version = view.Metadata.Generation is { } generation
            ? generation.ToString(CultureInfo.InvariantCulture)
            : daemonSet.ResourceVersion;
        if (_templates.TryGetValue(daemonSet.Uid, out var cached) && cached.Version == version)
        {
            return (cached.Data, cached.Digest);
        }

        var template = JsonNode.Parse(daemonSet.Json.Span)!["spec"]!["template"]!.DeepClone().AsObject();
        template["$patch"] = "replace";
        var patch = new JsonObject { ["spec"] = new JsonObject { ["template"] = template } };
        using var json = JsonDocument.Parse(patch.ToJsonString());
        var data = CanonicalJson.Write(json.RootElement);
        var digest = RevisionFacts.DigestOf(json.RootElement);
        _templates[daemonSet.Uid] = (version, data, digest);
        return (data, digest);
    }
}
