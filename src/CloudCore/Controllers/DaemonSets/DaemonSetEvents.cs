using System.Globalization;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// What a DaemonSet's controller did, as Events in Kubernetes' words. One look may act on thousands of nodes: a few pods are named, more are
/// counted in one Event.
/// </summary>
internal sealed class DaemonSetEvents(EventRecorder events)
{
    private const string Component = "daemonset-controller";
    private const int MostNamed = 3;

    public void Created(KubeObject daemonSet, IReadOnlyCollection<string> pods) => Say(daemonSet, "SuccessfulCreate", "Created pod", pods);

    public void Deleted(KubeObject daemonSet, IReadOnlyCollection<string> pods) => Say(daemonSet, "SuccessfulDelete", "Deleted pod", pods);

    public void FailedToCreate(KubeObject daemonSet, ApiException error) => Record(daemonSet, true, "FailedCreate", $"Error creating: {error.Status.Message ?? error.Message}");

    public void FailedToDelete(KubeObject daemonSet, ApiException error) => Record(daemonSet, true, "FailedDelete", $"Error deleting: {error.Status.Message ?? error.Message}");

    /// <summary>Pods that have ended by themselves and are to be replaced.</summary>
    public void Ended(KubeObject daemonSet, IEnumerable<PodFacts> pods)
    {
        foreach (var group in pods.GroupBy(pod => pod.Phase == "Failed"))
        {
            var (isFailed, all) = (group.Key, group.ToList());
            foreach (var pod in all.Take(all.Count > MostNamed ? 1 : MostNamed))
            {
                var more = all.Count > MostNamed ? string.Create(CultureInfo.InvariantCulture, $", and on {all.Count - 1} more nodes") : "";
                Record(
                    daemonSet, isFailed, isFailed ? "FailedDaemonPod" : "SucceededDaemonPod",
                    $"Found {(isFailed ? "failed" : "succeeded")} daemon pod {pod.Name} on node {pod.NodeName}, will try to {(isFailed ? "kill" : "delete")} it{more}");
            }
        }
    }

    /// <summary>The rollout is through but for nodes that are offline.</summary>
    public void WaitsForOffline(KubeObject daemonSet, string message) => Record(daemonSet, false, "OfflineNodesWait", message);

    private void Say(KubeObject daemonSet, string reason, string what, IReadOnlyCollection<string> pods)
    {
        if (pods.Count > MostNamed)
        {
            Record(daemonSet, false, reason, string.Create(CultureInfo.InvariantCulture, $"{what}s: {pods.Count}, {pods.First()} among them"));
            return;
        }

        foreach (var pod in pods)
        {
            Record(daemonSet, false, reason, $"{what}: {pod}");
        }
    }

    private void Record(KubeObject daemonSet, bool isWarning, string reason, string message) =>
        events.Record(Component, EventSubject.Of(daemonSet, ApiResources.DaemonSets), isWarning, reason, message);
}
