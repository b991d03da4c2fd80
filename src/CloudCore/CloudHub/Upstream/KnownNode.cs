using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>
/// Whether the API has already what a node says of itself. A node that was away for a moment says the same again on each
/// connection, and a fleet that comes back together would write every Node twice for nothing. A cache that has not seen the last write
/// for the node yet says nothing: a node that says A, B, A would be left at B.
/// <para>
/// What one session is told is of one Node. A registration that is tried again after somebody deleted the Node makes another one, of which
/// the node has said nothing yet: the session ends, and on the next one all is said anew.
/// </para>
/// </summary>
/// <param name="find">The Node of a name as the caches have it.</param>
/// <param name="time">The clock.</param>
internal sealed class KnownNode(Func<string, KubeObject?> find, TimeProvider time)
{
    /// <summary>Below the agents' report period (five minutes), so that a regular report always renews the heartbeat's time.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromMinutes(4);

    // the version of the last write for each node that this hub has served; MaxValue while its outcome is not known
    private readonly ConcurrentDictionary<string, ulong> _written = new(StringComparer.Ordinal);

    // of which Node each node's newest session was last told something
    private readonly ConcurrentDictionary<string, (long Epoch, string Uid)> _told = new(StringComparer.Ordinal);

    /// <summary>Carries out a write of the node's Node. The sessions of a node do so one after the other.</summary>
    /// <exception cref="SessionEndedException">The Node is not the one of which this session was told before.</exception>
    public async Task<KubeObject> WriteAsync(SessionIdentity session, Func<Task<KubeObject>> write)
    {
        _written[session.Node] = ulong.MaxValue; // stays where the write fails: it may have been carried out
        var written = await write();
        _written[session.Node] = VersionOf(written) ?? ulong.MaxValue;
        return Told(session, written);
    }

    /// <summary>The Node where it has these labels and annotations; else null.</summary>
    /// <exception cref="SessionEndedException">As for <see cref="WriteAsync"/>.</exception>
    public KubeObject? WithMetadata(SessionIdentity session, JsonObject metadata) =>
        Find(session) is { IsDeleting: false } node
            && Has(Parse(node)["metadata"] as JsonObject, metadata, "labels")
            && Has(Parse(node)["metadata"] as JsonObject, metadata, "annotations")
            ? Told(session, node)
            : null;

    /// <summary>The Node where a merge of the status would change nothing but the time of a heartbeat that is fresh enough; else null.</summary>
    /// <exception cref="SessionEndedException">As for <see cref="WriteAsync"/>.</exception>
    public KubeObject? WithStatus(SessionIdentity session, JsonObject status)
    {
        if (Find(session) is not { } node || Parse(node)["status"] is not JsonObject present)
        {
            return null;
        }

        foreach (var (name, value) in status)
        {
            if (!(name == "conditions" ? AreFresh(present[name] as JsonArray, value as JsonArray) : JsonNode.DeepEquals(present[name], value)))
            {
                return null;
            }
        }

        return Told(session, node);
    }

    /// <summary>A KubeEdge agent says its status every ten seconds, and needs no reminder.</summary>
    private KubeObject Told(SessionIdentity session, KubeObject node)
    {
        if (session.Extended && _told.TryGetValue(session.Node, out var last) && last.Epoch == session.Epoch && last.Uid != node.Uid)
        {
            throw new SessionEndedException("its Node object is another one");
        }

        _told[session.Node] = (session.Epoch, node.Uid);
        return node;
    }

    private static JsonObject Parse(KubeObject node) => JsonNode.Parse(node.Json.Span)!.AsObject();

    /// <summary>Only of a node that was in contact until now: of another, a controller may just be writing what the cache has not seen.</summary>
    private KubeObject? Find(SessionIdentity session) =>
        session is { Extended: true, WasNear: true } && find(session.Node) is { } node
            && (!_written.TryGetValue(session.Node, out var written) || VersionOf(node) >= written)
            ? node
            : null;

    /// <summary>Versions of one resource grow as numbers (KEP-5504).</summary>
    private static ulong? VersionOf(KubeObject node) =>
        ulong.TryParse(node.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : null;

    private static bool Has(JsonObject? present, JsonObject wanted, string member)
    {
        var there = present?[member] as JsonObject;
        return wanted[member] is not JsonObject entries || entries.All(e => JsonNode.DeepEquals(there?[e.Key], e.Value));
    }

    private bool AreFresh(JsonArray? present, JsonArray? wanted) =>
        present is not null && wanted is not null && wanted.All(condition =>
            condition is JsonObject said
            && present.FirstOrDefault(c => (string?)c?["type"] == (string?)said["type"]) is JsonObject stored
            && IsFresh(stored)
            && said.All(member => member.Key == "lastHeartbeatTime" || JsonNode.DeepEquals(stored[member.Key], member.Value)));

    private bool IsFresh(JsonObject condition) =>
        DateTimeOffset.TryParse((string?)condition["lastHeartbeatTime"], CultureInfo.InvariantCulture, out var at)
        && (time.GetUtcNow() - at).Duration() < s_fresh;
}
