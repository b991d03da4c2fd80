using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.CronJobs;

/// <summary>
/// Makes the Jobs of CronJobs when they are due. Each reconcile reads the whole present state, decides (<see cref="CronDecision"/>) and
/// acts. A run's Job is named by its time, so that none is made twice.
/// </summary>
internal sealed class CronJobController : IController
{
    private const string Component = "cronjob-controller";
    private const string ScheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

    // due times are whole seconds; a little later costs nothing and saves an empty look
    private static readonly TimeSpan s_margin = TimeSpan.FromMilliseconds(100);

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _cronJobs;
    private readonly Informer _jobs;
    private readonly EventRecorder _events;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly WorkQueue<NamespacedName> _queue;

    public CronJobController(
        KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<CronJobController> logger)
    {
        _client = client;
        _view = view;
        _cronJobs = informers.For(ApiResources.CronJobs);
        _jobs = informers.For(ApiResources.Jobs);
        _events = events;
        _options = options;
        _time = time;
        _queue = new WorkQueue<NamespacedName>("cronjobs", time, logger);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await Task.WhenAll(_cronJobs.WaitForSyncAsync(ct), _jobs.WaitForSyncAsync(ct)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_cronJobs, change => Add(change.Name));
        _view.Follow(_jobs, NoteJob);
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void Add(NamespacedName key) => _options.Deliver(() => _queue.Add(key));

    private void NoteJob(InformerChange change)
    {
        var job = (change.New ?? change.Old)!;
        if (job.View(KubernetesJson.Default.AnyObject).Metadata.Controller() is { } owner && owner.Is(ApiResources.CronJobs))
        {
            Add(new NamespacedName(job.Namespace, owner.Name));
        }
    }

    private void LookAtAll()
    {
        foreach (var value in _cronJobs.Snapshot())
        {
            _queue.Add(NamespacedName.Of(value));
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (_cronJobs.Get(key) is not { } value)
        {
            return;
        }

        var view = value.View(ControllersJson.Default.CronJob);
        var plan = CronDecision.Decide(new CronState
        {
            Name = value.Name,
            CronJob = view,
            Jobs = await JobsOfAsync(value, view, ct),
            Now = _time.GetUtcNow(),
        });
        foreach (var note in plan.Notes)
        {
            Tell(value, note.IsWarning, note.Reason, note.Message);
        }

        foreach (var job in plan.Replace)
        {
            await DeleteAsync(value, job, ct);
        }

        var active = plan.Active.ToList();
        if (plan.Start is { } run)
        {
            active.Add(await StartAsync(value, run, ct));
        }

        await WriteStatusAsync(value, view, plan, active, ct);
        foreach (var job in plan.Trim)
        {
            await DeleteAsync(value, job, ct);
        }

        if (plan.LookAgainAfter is { } wait)
        {
            _queue.AddAfter(key, wait + s_margin);
        }
    }

    private async Task<List<OwnedJob>> JobsOfAsync(KubeObject value, CronJob view, CancellationToken ct)
    {
        var jobs = _jobs.Snapshot().Where(job => job.Namespace == value.Namespace)
            .Select(job => (Value: job, View: job.View(ControllersJson.Default.Job)))
            .Where(job => job.View.Metadata.Controller()?.Uid == value.Uid)
            .Select(job => new OwnedJob(job.Value.Name, job.Value.Uid, job.View, job.Value.IsDeleting)).ToList();
        foreach (var active in (view.Status?.Active ?? []).Where(active => !jobs.Exists(job => job.Uid == active.Uid)))
        {
            // one that was made just now is not in the cache yet: it is not missing on the cache's word alone
            if (await _client.GetAsync(ApiResources.Jobs, value.Namespace, active.Name, ct) is { } live && live.Uid == active.Uid)
            {
                jobs.Add(new OwnedJob(live.Name, live.Uid, live.View(ControllersJson.Default.Job), live.IsDeleting));
            }
        }

        return jobs;
    }

    private async Task<ActiveJob> StartAsync(KubeObject value, DueRun run, CancellationToken ct)
    {
        KubeObject job;
        try
        {
            job = await _client.CreateAsync(ApiResources.Jobs, value.Namespace, Write(value, run), ct);
            Tell(value, false, "SuccessfulCreate", $"Created job {run.JobName}");
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // made before, and not noted: it is this run's, if it is ours
            if (await _client.GetAsync(ApiResources.Jobs, value.Namespace, run.JobName, ct) is not { } existing
                || existing.View(KubernetesJson.Default.AnyObject).Metadata.Controller()?.Uid != value.Uid)
            {
                Tell(value, true, "FailedCreate", $"Error creating job: a job {run.JobName} of another owner is there");
                throw;
            }

            job = existing;
        }
        catch (ApiException e) when (!e.IsTransient)
        {
            Tell(value, true, "FailedCreate", $"Error creating job: {e.Status.Message ?? e.Message}");
            throw;
        }

        return new ActiveJob { Name = job.Name, Uid = job.Uid, ResourceVersion = job.ResourceVersion };
    }

    private static byte[] Write(KubeObject value, DueRun run)
    {
        var template = JsonNode.Parse(value.Json.Span)!["spec"]!["jobTemplate"]!;
        var annotations = template["metadata"]?["annotations"]?.DeepClone().AsObject() ?? [];
        annotations[ScheduledAnnotation] = run.Timestamp;
        var metadata = new JsonObject
        {
            ["name"] = run.JobName,
            ["namespace"] = value.Namespace,
            ["annotations"] = annotations,
            ["ownerReferences"] = new JsonArray(MetadataPatch.Write(value.Controlling(ApiResources.CronJobs))),
        };
        if (template["metadata"]?["labels"] is { } labels)
        {
            metadata["labels"] = labels.DeepClone();
        }

        return Bytes(new JsonObject { ["apiVersion"] = "batch/v1", ["kind"] = "Job", ["metadata"] = metadata, ["spec"] = template["spec"]!.DeepClone() });
    }

    private async Task DeleteAsync(KubeObject value, OwnedJob job, CancellationToken ct)
    {
        try
        {
            await _client.DeleteAsync(ApiResources.Jobs, value.Namespace, job.Name, new DeleteOptions { Uid = job.Uid, PropagationPolicy = "Background" }, ct);
            Tell(value, false, "SuccessfulDelete", $"Deleted job {job.Name}");
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }
    }

    private async Task WriteStatusAsync(KubeObject value, CronJob view, CronPlan plan, List<ActiveJob> active, CancellationToken ct)
    {
        var has = view.Status ?? new CronJobStatus();
        var scheduled = plan.Start is { } run ? KubeTime.Format(run.Time) : has.LastScheduleTime;
        if (scheduled == has.LastScheduleTime && plan.LastSuccessfulTime == has.LastSuccessfulTime
            && active.Select(job => job.Uid).SequenceEqual((has.Active ?? []).Select(job => job.Uid)))
        {
            return;
        }

        var status = new JsonObject
        {
            ["active"] = active.Count == 0 ? null : new JsonArray([.. active.Select(job => (JsonNode)Write(value, job))]),
            ["lastScheduleTime"] = scheduled,
            ["lastSuccessfulTime"] = plan.LastSuccessfulTime,
        };
        // only over the version that the decision saw: the list is replaced as a whole
        await StatusPatch.WriteAsync(_client, ApiResources.CronJobs, value, status, ct, overThisVersion: true);
    }

    private static JsonObject Write(KubeObject value, ActiveJob job) => new JsonObject
    {
        ["apiVersion"] = "batch/v1",
        ["kind"] = "Job",
        ["namespace"] = value.Namespace,
        ["name"] = job.Name,
        ["uid"] = job.Uid,
        ["resourceVersion"] = job.ResourceVersion,
    };

    private void Tell(KubeObject value, bool warning, string reason, string message) =>
        _events.Record(Component, EventSubject.Of(value, ApiResources.CronJobs), warning, reason, message);

    private static byte[] Bytes(JsonObject value) => Encoding.UTF8.GetBytes(value.ToJsonString());
}
