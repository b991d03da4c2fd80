using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>The requests by which a Job's plan is carried out.</summary>
internal sealed partial class JobActions(
    KubeClient client, PodControl pods, EventRecorder events, ControllersOptions options, Action<string> noteReleased, Action<KubeObject> noteWritten, ILogger logger)
{
    private const string Component = "job-controller";

    private readonly ILogger _logger = logger;

    /// <summary>
    /// Pods first, then the status, then the finalizers of those pods that it speaks of. The status is written only over the version that
    /// the decision saw: what it counts up is counted once.
    /// </summary>
    public async Task ApplyAsync(KubeObject job, Job view, JobPlan plan, CancellationToken ct)
    {
        ApiException? failure = null;
        var made = 0;
        try
        {
            await DeleteAsync(job, plan, ct);
            await CreateAsync(job, view, plan, () => Interlocked.Increment(ref made), ct);
        }
        catch (ApiException e)
        {
            // what did succeed is told all the same
            failure = e;
        }

        var finished = view.Status?.Finished is not null;
        if (!finished && job.IsDeleting is false)
        {
            await WriteStatusAsync(job, view, plan.Status with { Active = plan.Status.Active + made }, ct);
        }

        await Batches.InGrowingAsync(plan.Release, options.ParallelRequests, (pod, token) => ReleaseAsync(pod.Facts, token), ct);
        if (failure is not null)
        {
            if (!failure.IsTransient)
            {
                events.Record(Component, Subject(job), true, "FailedCreate", $"Error creating: {failure.Status.Message ?? failure.Message}");
            }

            throw failure;
        }
    }

    public async Task<KubeObject?> FindAsync(string ns, string name, CancellationToken ct) => await client.GetAsync(ApiResources.Jobs, ns, name, ct);

    /// <summary>Takes the finalizer off a pod.</summary>
    public async Task ReleaseAsync(PodFacts pod, CancellationToken ct)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = pod.Uid,
                ["$deleteFromPrimitiveList/finalizers"] = new JsonArray(JsonValue.Create(JobNames.Finalizer)),
            },
        };
        try
        {
            await client.PatchAsync(ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, PatchType.StrategicMerge, Bytes(patch), null, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }

        noteReleased(pod.Uid);
    }

    /// <summary>The Job's time after its end is over; its pods go first.</summary>
    public async Task RemoveAsync(KubeObject job, CancellationToken ct)
    {
        try
        {
            await client.DeleteAsync(
                ApiResources.Jobs, job.Namespace, job.Name,
                new DeleteOptions { Uid = job.Uid, ResourceVersion = job.ResourceVersion, PropagationPolicy = "Foreground" }, ct);
            LogRemoved(job.Describe());
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone already
        }
    }

    private async Task DeleteAsync(KubeObject job, JobPlan plan, CancellationToken ct)
    {
        await Batches.InGrowingAsync(
            plan.Spare,
            options.ParallelRequests,
            async (pod, token) =>
            {
                if (pod.IsTracked)
                {
                    // without it, it is no failure when it goes
                    await ReleaseAsync(pod.Facts, token);
                }

                await pods.DeleteAsync(job, pod.Facts, token);
                events.Record(Component, Subject(job), false, "SuccessfulDelete", $"Deleted pod: {pod.Facts.Name.Name}");
            },
            ct);
        await Batches.InGrowingAsync(
            plan.Stop,
            options.ParallelRequests,
            async (pod, token) =>
            {
                await pods.DeleteAsync(job, pod.Facts, token);
                events.Record(Component, Subject(job), false, "SuccessfulDelete", $"Deleted pod: {pod.Facts.Name.Name}");
            },
            ct);
    }

    private async Task CreateAsync(KubeObject job, Job view, JobPlan plan, Action noteMade, CancellationToken ct)
    {
        if (plan.Create.Count == 0)
        {
            return;
        }

        var writer = new TemplatePod(job, ApiResources.Jobs);
        await Batches.InGrowingAsync(
            plan.Create,
            options.ParallelRequests,
            async (pod, token) =>
            {
                var stem = pod.Index is { } index ? string.Create(CultureInfo.InvariantCulture, $"{job.Name}-{index}-") : $"{job.Name}-";
                var name = TemplatePod.NewName(stem);
                await pods.CreateAsync(job, name, Bytes(Write(writer, job, view, pod, name, stem)), token);
                noteMade();
                events.Record(Component, Subject(job), false, "SuccessfulCreate", $"Created pod: {name}");
            },
            ct);
    }

    private static JsonObject Write(TemplatePod writer, KubeObject job, Job view, NewJobPod pod, string name, string stem)
    {
        var body = writer.Write(name, stem);
        var metadata = body["metadata"]!.AsObject();
        if (metadata["finalizers"] is not JsonArray finalizers)
        {
            metadata["finalizers"] = finalizers = [];
        }

        finalizers.Add((JsonNode)JsonValue.Create(JobNames.Finalizer));
        if (pod.Index is not { } index)
        {
            return body;
        }

        var text = index.ToString(CultureInfo.InvariantCulture);
        GetOrAdd(metadata, "labels")[JobNames.Index] = text;
        var annotations = GetOrAdd(metadata, "annotations");
        annotations[JobNames.Index] = text;
        if (view.Spec.BackoffLimitPerIndex is not null)
        {
            annotations[JobNames.IndexFailures] = pod.FailuresBefore.ToString(CultureInfo.InvariantCulture);
        }

        var spec = body["spec"]!.AsObject();
        spec["hostname"] ??= $"{job.Name}-{text}";
        foreach (var list in (string[])["containers", "initContainers"])
        {
            foreach (var container in (spec[list] as JsonArray ?? []).OfType<JsonObject>())
            {
                TellIndex(container);
            }
        }

        return body;
    }

    private static void TellIndex(JsonObject container)
    {
        const string Variable = "JOB_COMPLETION_INDEX";
        if (container["env"] is not JsonArray env)
        {
            container["env"] = env = [];
        }

        if (!env.OfType<JsonObject>().Any(variable => (string?)variable["name"] == Variable))
        {
            env.Add((JsonNode)new JsonObject
            {
                ["name"] = Variable,
                ["valueFrom"] = new JsonObject { ["fieldRef"] = new JsonObject { ["fieldPath"] = $"metadata.annotations['{JobNames.Index}']" } },
            });
        }
    }

    private async Task WriteStatusAsync(KubeObject job, Job view, JobStatus wanted, CancellationToken ct)
    {
        var has = view.Status ?? new JobStatus();
        if (Same(has, wanted))
        {
            return;
        }

        noteWritten(await StatusPatch.WriteAsync(client, ApiResources.Jobs, job, Status(wanted), ct, overThisVersion: true));
        Tell(job, has, wanted);
    }

    private void Tell(KubeObject job, JobStatus has, JobStatus wanted)
    {
        foreach (var condition in (wanted.Conditions ?? []).Where(condition => (has.Conditions ?? []).Find(condition.Type)?.Status != condition.Status))
        {
            var (warning, reason, message) = condition switch
            {
                { Type: "Complete" } => (false, "Completed", "Job completed"),
                { Type: "Failed" } => (true, condition.Reason ?? "", condition.Message ?? ""),
                { Type: "Suspended", Status: "True" } => (false, "Suspended", "Job suspended"),
                { Type: "Suspended" } => (false, "Resumed", "Job resumed"),
                _ => default,
            };
            if (reason is not null)
            {
                events.Record(Component, Subject(job), warning, reason, message);
                LogTold(job.Describe(), reason);
            }
        }
    }

    private static bool Same(JobStatus a, JobStatus b) =>
        a with { Conditions = null, UncountedTerminatedPods = null, CompletedIndexes = null, FailedIndexes = null }
            == b with { Conditions = null, UncountedTerminatedPods = null, CompletedIndexes = null, FailedIndexes = null }
        && (a.CompletedIndexes ?? "") == (b.CompletedIndexes ?? "") && (a.FailedIndexes ?? "") == (b.FailedIndexes ?? "")
        && (a.Conditions ?? []).SequenceEqual(b.Conditions ?? [])
        && Same(a.UncountedTerminatedPods?.Succeeded, b.UncountedTerminatedPods?.Succeeded)
        && Same(a.UncountedTerminatedPods?.Failed, b.UncountedTerminatedPods?.Failed);

    private static bool Same(IReadOnlyList<string>? a, IReadOnlyList<string>? b) => (a ?? []).SequenceEqual(b ?? []);

    private static JsonObject Status(JobStatus status)
    {
        var uncounted = new JsonObject
        {
            ["succeeded"] = Texts(status.UncountedTerminatedPods?.Succeeded),
            ["failed"] = Texts(status.UncountedTerminatedPods?.Failed),
        };
        return new JsonObject
        {
            ["conditions"] = status.Conditions is { Count: > 0 } conditions ? new JsonArray([.. conditions.Select(ConditionList.Write)]) : null,
            ["startTime"] = status.StartTime,
            ["completionTime"] = status.CompletionTime,
            ["active"] = Count(status.Active),
            ["ready"] = status.Ready,
            ["terminating"] = status.Terminating,
            ["succeeded"] = Count(status.Succeeded),
            ["failed"] = Count(status.Failed),
            ["completedIndexes"] = status.CompletedIndexes is { Length: > 0 } completed ? completed : null,
            ["failedIndexes"] = status.FailedIndexes,
            ["uncountedTerminatedPods"] = uncounted,
        };
    }

    private static JsonArray? Texts(IReadOnlyList<string>? values) =>
        values is { Count: > 0 } ? new JsonArray([.. values.Select(value => (JsonNode)JsonValue.Create(value))]) : null;

    // zero is not written, as in Go
    private static JsonValue? Count(int count) => count == 0 ? null : JsonValue.Create(count);

    private static JsonObject GetOrAdd(JsonObject parent, string member)
    {
        if (parent[member] is not JsonObject child)
        {
            parent[member] = child = [];
        }

        return child;
    }

    private static EventSubject Subject(KubeObject job) => EventSubject.Of(job, ApiResources.Jobs);

    private static byte[] Bytes(JsonObject value) => Encoding.UTF8.GetBytes(value.ToJsonString());

    [LoggerMessage(LogLevel.Information, "{Job}: {Reason}")]
    private partial void LogTold(string job, string reason);

    [LoggerMessage(LogLevel.Information, "{Job}: its time after its end is over, it is removed")]
    private partial void LogRemoved(string job);
}
