using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// Writes a DaemonSet's status where it differs: Kubernetes' counts, and a condition of our own that says how many nodes wait offline for
/// which template. The condition comes with the first of them, so a DaemonSet that never had one looks as in Kubernetes.
/// </summary>
internal sealed class DaemonSetStatusWriter(KubeClient client, DaemonSetEvents events, TimeProvider time)
{
    /// <summary>False where nodes that are offline have not got the present template yet.</summary>
    public const string OfflineCondition = "OfflineNodesUpdated";

    // DaemonSet → the revision of which it was said that only offline nodes wait for it
    private readonly ConcurrentDictionary<string, string> _told = new();
    private readonly StatusHold _hold = new(time);

    /// <returns>After which time to call it again, since it holds back what there is to write; null where it does not.</returns>
    public async Task<TimeSpan?> WriteAsync(KubeObject daemonSet, DaemonSet view, string hash, DaemonSetPlan plan, CancellationToken ct)
    {
        var (has, wanted) = (view.Status ?? new DaemonSetStatus(), plan.Status);
        var before = has.Conditions?.Find(OfflineCondition);
        var message = Message(plan.Offline, hash);
        var (status, reason) = plan.Offline.All > 0 ? ("False", "NodesOffline") : ("True", "NoneWaits");
        var isSaid = before is null ? plan.Offline.All == 0 : before.Status == status && before.Message == message;
        var same = has with { CollisionCount = null, Conditions = null } == wanted with
        {
            ObservedGeneration = view.Metadata.Generation,
            // zero is left out by API servers that write Go's omitempty
            UpdatedNumberScheduled = has.UpdatedNumberScheduled is null && wanted.UpdatedNumberScheduled == 0 ? null : wanted.UpdatedNumberScheduled,
            NumberAvailable = has.NumberAvailable is null && wanted.NumberAvailable == 0 ? null : wanted.NumberAvailable,
            NumberUnavailable = has.NumberUnavailable is null && wanted.NumberUnavailable == 0 ? null : wanted.NumberUnavailable,
        };
        TellOnce(daemonSet, hash, plan, message);
        // that a change of the spec was seen is never held back: clients wait for it
        if (!(same && isSaid) && has.ObservedGeneration == view.Metadata.Generation && _hold.Left(daemonSet.Uid) is var left && left > TimeSpan.Zero)
        {
            return left;
        }

        if (!same || !isSaid)
        {
            var changes = Write(view, wanted);
            if (!isSaid)
            {
                var since = before?.Status == status ? before.LastTransitionTime : KubeTime.Format(plan.At);
                changes["conditions"] = new JsonArray(
                [
                    .. (has.Conditions ?? []).Where(condition => condition.Type != OfflineCondition).Select(ConditionList.Write),
                    ConditionList.Write(new Condition { Type = OfflineCondition, Status = status, Reason = reason, Message = message, LastTransitionTime = since }),
                ]);
            }

            // not the version: the counts are of this moment, and a change of the spec brings a new look anyway
            await StatusPatch.WriteAsync(client, ApiResources.DaemonSets, daemonSet, changes, ct);
            Failpoint.Hit(HubFailpoints.DaemonStatusWritten);
        }

        _hold.Clear(daemonSet.Uid);
        return null;
    }

    /// <summary>Frees what is kept for DaemonSets that are no more.</summary>
    public void Retain(IReadOnlySet<string> owners)
    {
        _hold.Retain(owners);
        foreach (var uid in _told.Keys.Where(uid => !owners.Contains(uid)))
        {
            _told.TryRemove(uid, out _);
        }
    }

    private static JsonObject Write(DaemonSet view, DaemonSetStatus wanted) => new()
    {
        ["observedGeneration"] = view.Metadata.Generation,
        ["desiredNumberScheduled"] = wanted.DesiredNumberScheduled,
        ["currentNumberScheduled"] = wanted.CurrentNumberScheduled,
        ["numberReady"] = wanted.NumberReady,
        ["numberAvailable"] = wanted.NumberAvailable,
        ["numberUnavailable"] = wanted.NumberUnavailable,
        ["updatedNumberScheduled"] = wanted.UpdatedNumberScheduled,
        ["numberMisscheduled"] = wanted.NumberMisscheduled,
    };

    // "kubectl describe" shows no conditions of a DaemonSet, but its Events
    private void TellOnce(KubeObject daemonSet, string hash, DaemonSetPlan plan, string message)
    {
        var isThrough = plan.Offline.Old > 0 && plan.Status.UpdatedNumberScheduled == plan.Status.DesiredNumberScheduled;
        if (isThrough && (!_told.TryGetValue(daemonSet.Uid, out var told) || told != hash))
        {
            _told[daemonSet.Uid] = hash;
            events.WaitsForOffline(daemonSet, message);
        }
    }

    private static string Message(OfflineNodes offline, string hash) => offline switch
    {
        { All: 0 } => "No node waits offline for this DaemonSet.",
        { Empty: 0 } => string.Create(CultureInfo.InvariantCulture, $"{Nodes(offline.Old)} offline with an earlier template and will be updated to revision {hash} when back."),
        { Old: 0 } => string.Create(CultureInfo.InvariantCulture, $"{Nodes(offline.Empty)} offline without a pod and will get one of revision {hash} when back."),
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"{Nodes(offline.Old)} offline with an earlier template and {Nodes(offline.Empty)} without a pod: they will get revision {hash} when back."),
    };

    private static string Nodes(int count) => count == 1 ? "1 node is" : string.Create(CultureInfo.InvariantCulture, $"{count} nodes are");
}
