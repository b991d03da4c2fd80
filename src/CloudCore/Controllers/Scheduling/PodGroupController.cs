using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// Says in the status of PodGroups what has become of their pods (<see cref="PodGroupStatus"/>). It runs where the scheduler does, and reads
/// what that has decided off the pods.
/// </summary>
internal sealed class PodGroupController : IController
{
    // the pods of a gang change together: what changes in this time is one write
    private static readonly TimeSpan s_hold = TimeSpan.FromMilliseconds(100);

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _groups;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly WorkQueue<NamespacedName> _queue;

    public PodGroupController(
        KubeClient client, ClusterView view, Informer groups, ControllersOptions options, TimeProvider time, ILogger<PodGroupController> logger)
    {
        _client = client;
        _view = view;
        _groups = groups;
        _options = options;
        _time = time;
        _queue = new WorkQueue<NamespacedName>("pod groups", time, logger);
        view.Pods.OnChange(NotePod);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        _view.Follow(_groups, change => Note(change.Name));
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void NotePod(PodChange change)
    {
        foreach (var pod in new[] { change.Old, change.New }.OfType<PodFacts>().Where(pod => pod.Gang.Group.Length > 0))
        {
            Note(new NamespacedName(pod.Name.Namespace, pod.Gang.Group));
        }
    }

    private void Note(NamespacedName group) => _options.Deliver(() => _queue.AddAfter(group, s_hold));

    private void LookAtAll()
    {
        foreach (var group in _groups.Snapshot())
        {
            _queue.Add(NamespacedName.Of(group));
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (_groups.Get(key) is not { IsDeleting: false } group)
        {
            return;
        }

        var view = group.View(ControllersJson.Default.PodGroupGist);
        var has = view.Status ?? new PodGroupGistStatus();
        var wanted = PodGroupStatus.Decide(GangRule.Of(view.Spec), _view.Pods.InGroup(key), has.Phase);
        var conditions = Conditions(has.Conditions ?? [], wanted.Verdict);
        if (conditions is null
            && (has.Phase, has.Running ?? 0, has.Succeeded ?? 0, has.Failed ?? 0) == (wanted.Phase, wanted.Running, wanted.Succeeded, wanted.Failed))
        {
            return;
        }

        var status = new JsonObject
        {
            ["phase"] = wanted.Phase,
            ["running"] = wanted.Running,
            ["succeeded"] = wanted.Succeeded,
            ["failed"] = wanted.Failed,
        };
        if (conditions is not null)
        {
            status["conditions"] = conditions;
        }

        try
        {
            await StatusPatch.WriteAsync(_client, ApiResources.PodGroups, group, status, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone; or a definition that is not ours, without a status of its own
        }
    }

    // null where they say it already. The one that holds no more becomes False; Volcano leaves it and goes by which is newer
    private JsonArray? Conditions(IReadOnlyList<Condition> before, GangVerdict? verdict)
    {
        if (verdict is null || before.Find(verdict.Type) is { Status: "True" } told && told.Reason == verdict.Reason && (told.Message ?? "") == verdict.Message)
        {
            return null;
        }

        var now = KubeTime.Format(_time.GetUtcNow());
        var changed = before.Where(condition => condition.Type != verdict.Type)
            .Select(condition => condition is { Type: GangVerdict.Scheduled or GangVerdict.Unschedulable, Status: "True" }
                ? condition with { Status = "False", LastTransitionTime = now }
                : condition)
            .Append(new Condition
            {
                Type = verdict.Type,
                Status = "True",
                Reason = verdict.Reason,
                Message = verdict.Message.Length > 0 ? verdict.Message : null,
                LastTransitionTime = now,
            });
        return [.. changed.Select(ConditionList.Write)];
    }
}
