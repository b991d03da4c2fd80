using System.Security.Cryptography;
using System.Text.Json;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// What the controllers need to know of a ControllerRevision. The digest is of the template that it holds, in
/// canonical form; the hash is its label, which the pods of that template carry too (those of a StatefulSet carry the revision's name).
/// One without that label, which somebody made by hand, stands under its name, as in Kubernetes.
/// </summary>
internal sealed record RevisionFacts(
    NamespacedName Name,
    string Uid,
    long Revision,
    string Digest,
    string Hash,
    IReadOnlyDictionary<string, string> Labels,
    IReadOnlyList<OwnerReference> Owners,
    DateTimeOffset Created,
    bool IsDeleting)
{
    /// <summary>Where revisions of StatefulSets have their hash.</summary>
    public const string HashLabel = "controller.kubernetes.io/hash";

    /// <exception cref="KubeObjectException">A field has a wrong type.</exception>
    public static RevisionFacts Read(KubeObject value)
    {
        var meta = value.View(KubernetesJson.Default.AnyObject).Metadata;
        using var json = JsonDocument.Parse(value.Json);
        var root = json.RootElement;
        return new RevisionFacts(
            NamespacedName.Of(value),
            value.Uid,
            root.TryGetProperty("revision", out var number) && number.TryGetInt64(out var revision) ? revision : 0,
            root.TryGetProperty("data", out var data) ? DigestOf(data) : "",
            meta.Labels?.GetValueOrDefault(DaemonPodWriter.HashLabel) ?? meta.Labels?.GetValueOrDefault(HashLabel) ?? value.Name,
            meta.Labels ?? LabelSelectors.NoLabels,
            meta.OwnerReferences ?? [],
            KubeTime.TryParse(meta.CreationTimestamp, out var created) ? created : default,
            value.IsDeleting);
    }

    public static string DigestOf(JsonElement data) => Convert.ToHexStringLower(SHA256.HashData(CanonicalJson.Write(data)));
}

/// <summary>The ControllerRevisions of the shared informer; there are few, so finding one is a walk.</summary>
internal sealed partial class RevisionIndex(Informer revisions, ILogger logger)
{
    private readonly ILogger _logger = logger;
    private readonly List<Action<RevisionFacts?, RevisionFacts?>> _handlers = [];

    // guards the dictionary
    private readonly Lock _gate = new();
    private readonly Dictionary<NamespacedName, RevisionFacts> _revisions = [];

    /// <summary>Begins to follow the informer. Handlers (<see cref="OnChange"/>) are set before.</summary>
    public IDisposable Start() => revisions.Subscribe(Apply);

    /// <summary>Calls <paramref name="handler"/> with old and new; under the informer's lock, so it only notes keys.</summary>
    public void OnChange(Action<RevisionFacts?, RevisionFacts?> handler) => _handlers.Add(handler);

    public RevisionFacts? Get(NamespacedName name)
    {
        lock (_gate)
        {
            return _revisions.GetValueOrDefault(name);
        }
    }

    public IReadOnlyList<RevisionFacts> All()
    {
        lock (_gate)
        {
            return [.. _revisions.Values];
        }
    }

    /// <summary>Those with an owner reference to that UID, oldest revision first.</summary>
    public IReadOnlyList<RevisionFacts> OwnedBy(string uid) =>
        InOrder(All().Where(revision => revision.Owners.Any(owner => owner.Uid == uid)));

    /// <summary>Those that nobody controls, oldest revision first.</summary>
    public IReadOnlyList<RevisionFacts> Orphans(string ns) =>
        InOrder(All().Where(revision => revision.Name.Namespace == ns && !revision.IsDeleting && !revision.Owners.Any(owner => owner.Controller == true)));

    /// <summary>Oldest first: by number, then by age, then by name (Kubernetes' SortControllerRevisions).</summary>
    public static IReadOnlyList<RevisionFacts> InOrder(IEnumerable<RevisionFacts> revisions) =>
        [.. revisions.OrderBy(revision => revision.Revision).ThenBy(revision => revision.Created).ThenBy(revision => revision.Name.Name, StringComparer.Ordinal)];

    private void Apply(InformerChange change)
    {
        RevisionFacts? now = null;
        try
        {
            now = change.New is null ? null : RevisionFacts.Read(change.New);
        }
        catch (KubeObjectException e)
        {
            LogUnreadable(change.Name, e.Message);
        }

        RevisionFacts? old;
        lock (_gate)
        {
            _revisions.Remove(change.Name, out old);
            if (now is not null)
            {
                _revisions[now.Name] = now;
            }
        }

        foreach (var handler in _handlers)
        {
            handler(old, now);
        }
    }

    [LoggerMessage(LogLevel.Warning, "ControllerRevision {Revision} cannot be read and is left alone: {Error}")]
    private partial void LogUnreadable(NamespacedName revision, string error);
}
