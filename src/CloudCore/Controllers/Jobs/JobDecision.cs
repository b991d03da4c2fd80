using System.Globalization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>
/// Decides what a Job needs: a pure function of its state, by the rules of Kubernetes' Job controller. A pod that ends is noted in the
/// status first (uncountedTerminatedPods), then loses its finalizer, then is counted: whatever fails in between, it is counted once.
/// A pod whose node is out of contact is as active as any: only its deletion makes another one.
/// </summary>
internal sealed partial class JobDecision
{
    /// <summary>At most so many pods are made, and noted as ended, in one go.</summary>
    public const int Burst = 500;

    private static readonly TimeSpan s_firstDelay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromMinutes(6);

    private readonly JobState _state;
    private readonly JobSpec _spec;
    private readonly JobStatus _before;
    private readonly int _completions;
    private readonly List<JobPod> _active;
    private readonly int _terminating;
    private readonly IndexSet _completed;
    private readonly IndexSet _failedIndexes;
    private readonly List<Condition> _conditions;
    private readonly List<string> _uncountedSucceeded = [];
    private readonly List<string> _uncountedFailed = [];
    private readonly List<JobPod> _release = [];
    private readonly List<NewJobPod> _create = [];
    private readonly List<JobPod> _spare = [];
    private readonly List<JobPod> _stop = [];
    private int _succeeded;
    private int _failed;
    private TimeSpan? _again;

    private JobDecision(JobState state)
    {
        _state = state;
        _spec = state.Job.Spec;
        _before = state.Job.Status ?? new JobStatus();
        _completions = _spec.Completions ?? int.MaxValue;
        _active = [.. state.Pods.Where(pod => pod.IsActive)];
        _terminating = state.Pods.Count(pod => pod.IsTerminating);
        _completed = IndexSet.Parse(_before.CompletedIndexes, _completions);
        _failedIndexes = IndexSet.Parse(_before.FailedIndexes, _completions);
        _conditions = [.. _before.Conditions ?? []];
        _succeeded = _before.Succeeded;
        _failed = _before.Failed;
    }

    private int Succeeded => _spec.IsIndexed ? _completed.Count : _succeeded + _uncountedSucceeded.Count;

    private int Failed => _failed + _uncountedFailed.Count;

    public static JobPlan Decide(JobState state)
    {
        var decision = new JobDecision(state);
        if (decision._before.Finished is not null || state.Job.Metadata.DeletionTimestamp is not null)
        {
            // nothing of it counts any more, and nothing may keep its pods from going
            return new JobPlan { Status = decision._before, Release = [.. state.Pods.Where(pod => pod.IsTracked && !pod.IsActive)] };
        }

        decision.SettleUncounted();
        var failure = decision.NoteEnded();
        failure = decision.Failure() ?? failure ?? decision.Limits();
        var startTime = decision.NoteStart();
        if (failure is { } why)
        {
            decision.Set("FailureTarget", "True", why.Reason, why.Message);
            decision.StopAll();
        }
        else if (decision.Success() is { } reason)
        {
            decision.Set("SuccessCriteriaMet", "True", reason.Reason, reason.Message);
            decision.StopAll();
        }
        else if (decision._spec.Suspend)
        {
            decision._spare.AddRange(decision._active);
        }
        else
        {
            decision.Balance();
        }

        var completionTime = decision.Finish();
        return decision.Plan(startTime, completionTime);
    }

    private JobPlan Plan(string? startTime, string? completionTime) => new()
    {
        Create = _create,
        Spare = _spare,
        Stop = _stop,
        Release = _release,
        LookAgainAfter = _again,
        Status = new JobStatus
        {
            Conditions = _conditions,
            StartTime = startTime,
            CompletionTime = completionTime,
            Active = _active.Count - _spare.Count - _stop.Count,
            Ready = _active.Count(pod => pod.Facts.IsReady && !_spare.Contains(pod) && !_stop.Contains(pod)),
            Terminating = _terminating + _spare.Count + _stop.Count,
            Succeeded = _spec.IsIndexed ? _completed.Count : _succeeded,
            Failed = _failed,
            CompletedIndexes = _spec.IsIndexed ? _completed.ToString() : null,
            FailedIndexes = _spec.BackoffLimitPerIndex is null ? null : _failedIndexes.ToString(),
            UncountedTerminatedPods = new UncountedPods { Succeeded = _uncountedSucceeded, Failed = _uncountedFailed },
        },
    };

    // what was noted before: without its finalizer it is counted, with it the finalizer goes (again)
    private void SettleUncounted()
    {
        var tracked = _state.Pods.Where(pod => pod.IsTracked).ToDictionary(pod => pod.Uid);
        Settle(_before.UncountedTerminatedPods?.Succeeded, _uncountedSucceeded, () => _succeeded++);
        Settle(_before.UncountedTerminatedPods?.Failed, _uncountedFailed, () => _failed++);

        void Settle(IReadOnlyList<string>? noted, List<string> stays, Action count)
        {
            foreach (var uid in noted ?? [])
            {
                if (tracked.TryGetValue(uid, out var pod))
                {
                    stays.Add(uid);
                    _release.Add(pod);
                }
                else
                {
                    count();
                }
            }
        }
    }

    // what has ended since; the failure of the whole Job, where its policy says so
    private (string Reason, string Message)? NoteEnded()
    {
        (string Reason, string Message)? failure = null;
        var noted = _uncountedSucceeded.Concat(_uncountedFailed).ToHashSet();
        foreach (var pod in _state.Pods.Where(pod => pod.IsTracked && !noted.Contains(pod.Uid)).OrderBy(pod => pod.FinishedAt).Take(Burst))
        {
            if (pod.Facts.Phase == "Succeeded")
            {
                NoteSucceeded(pod);
            }
            else if (HasFailed(pod))
            {
                failure ??= NoteFailed(pod);
            }
        }

        return failure;
    }

    private void NoteSucceeded(JobPod pod)
    {
        _release.Add(pod);
        if (!_spec.IsIndexed)
        {
            _uncountedSucceeded.Add(pod.Uid);
        }
        else if (pod.Index is { } index && index < _completions && !_failedIndexes.Contains(index))
        {
            // the index itself keeps it from being counted twice
            _completed.Add(index);
        }
    }

    private (string Reason, string Message)? NoteFailed(JobPod pod)
    {
        _release.Add(pod);
        var (verdict, message) = pod.Facts.Phase == "Failed" ? FailureRules.Judge(_spec.PodFailurePolicy, pod) : default;
        if (verdict == FailureVerdict.Ignore || (_spec.IsIndexed && (pod.Index is not { } index || index >= _completions || _completed.Contains(index))))
        {
            return null;
        }

        _uncountedFailed.Add(pod.Uid);
        if (_spec.BackoffLimitPerIndex is { } limit && pod.Index is { } failed && (verdict == FailureVerdict.FailIndex || pod.FailuresBefore >= limit))
        {
            _failedIndexes.Add(failed);
        }

        return verdict == FailureVerdict.FailJob ? ("PodFailurePolicy", message) : null;
    }

    // a pod that is on its way out counts as failed already, unless its successor waits for its end
    private bool HasFailed(JobPod pod) =>
        pod.Facts.Phase == "Failed" || (pod.Facts.IsDeleting && pod.Facts.Phase != "Succeeded" && !_spec.ReplacesOnlyEnded);

    private (string Reason, string Message)? Failure() =>
        _conditions.Find("FailureTarget") is { Status: "True" } target ? (target.Reason ?? "", target.Message ?? "") : null;

    private (string Reason, string Message)? Limits()
    {
        if (IsPastDeadline())
        {
            return ("DeadlineExceeded", "Job was active longer than specified deadline");
        }

        if (Failed > (_spec.BackoffLimit ?? 6) || RestartsAreTooMany())
        {
            return ("BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }

        if (_spec.BackoffLimitPerIndex is null || _failedIndexes.Count == 0)
        {
            return null;
        }

        return _spec.MaxFailedIndexes is { } most && _failedIndexes.Count > most
            ? ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
            : _failedIndexes.Count + _completed.Count >= _completions ? ("FailedIndexes", "Job has failed indexes") : null;
    }

    private bool IsPastDeadline()
    {
        if (_spec.ActiveDeadlineSeconds is not { } seconds || _spec.Suspend || !KubeTime.TryParse(_before.StartTime, out var started))
        {
            return false;
        }

        var left = started.AddSeconds(seconds) - _state.Now;
        if (left > TimeSpan.Zero)
        {
            LookAgainAfter(left);
        }

        return left <= TimeSpan.Zero;
    }

    // with OnFailure the containers are started again in their pod, and those starts count
    private bool RestartsAreTooMany()
    {
        if (_spec.Template?.Spec?.RestartPolicy != "OnFailure")
        {
            return false;
        }

        var restarts = _active.Sum(pod => pod.Restarts);
        var limit = _spec.BackoffLimit ?? 6;
        return limit == 0 ? restarts > 0 : restarts >= limit;
    }

    private (string Reason, string Message)? Success()
    {
        if (_conditions.Find("SuccessCriteriaMet") is { Status: "True" } met)
        {
            return (met.Reason ?? "", met.Message ?? "");
        }

        if (_spec.IsIndexed && (_spec.SuccessPolicy?.Rules ?? []).Any(IsMet))
        {
            return ("SuccessPolicy", "Matched rules at index " + string.Create(CultureInfo.InvariantCulture, $"{_spec.SuccessPolicy!.Rules!.ToList().FindIndex(IsMet)}"));
        }

        var complete = _spec.Completions is null ? Succeeded > 0 && _active.Count == 0 : Succeeded >= _completions;
        return complete ? ("CompletionsReached", "Reached expected number of succeeded pods") : null;
    }

    private bool IsMet(SuccessRule rule)
    {
        var counted = rule.SucceededIndexes is { } indexes
            ? Enumerable.Range(0, _completions).Where(IndexSet.Parse(indexes, _completions).Contains).ToList()
            : null;
        var succeeded = counted?.Count(_completed.Contains) ?? _completed.Count;
        return succeeded >= (rule.SucceededCount ?? counted?.Count ?? int.MaxValue);
    }

    private void StopAll() => _stop.AddRange(_active);

    // terminal only when all pods have ended and all are counted
    private string? Finish()
    {
        if (_active.Count + _terminating + _uncountedSucceeded.Count + _uncountedFailed.Count > 0 || _state.Pods.Any(pod => pod.IsTracked && !pod.IsActive))
        {
            return null;
        }

        if (_conditions.Find("FailureTarget") is { Status: "True" } failed)
        {
            Set("Failed", "True", failed.Reason ?? "", failed.Message ?? "");
            return null;
        }

        if (_conditions.Find("SuccessCriteriaMet") is { Status: "True" } met)
        {
            Set("Complete", "True", met.Reason ?? "", met.Message ?? "");
            return KubeTime.Format(_state.Now);
        }

        return null;
    }

    private string? NoteStart()
    {
        var suspended = _conditions.Find("Suspended");
        if (_spec.Suspend)
        {
            Set("Suspended", "True", "JobSuspended", "Job suspended");
            return null;
        }

        if (suspended is { Status: "True" })
        {
            Set("Suspended", "False", "JobResumed", "Job resumed");
        }

        if (_before.StartTime is null && _spec.ActiveDeadlineSeconds is { } seconds)
        {
            LookAgainAfter(TimeSpan.FromSeconds(seconds));
        }

        return _before.StartTime ?? KubeTime.Format(_state.Now);
    }

    private void Set(string type, string status, string reason, string message)
    {
        var current = _conditions.Find(type);
        if (current is not null && current.Status == status)
        {
            return;
        }

        var now = KubeTime.Format(_state.Now);
        _conditions.RemoveAll(condition => condition.Type == type);
        _conditions.Add(new Condition { Type = type, Status = status, Reason = reason, Message = message, LastProbeTime = now, LastTransitionTime = now });
    }

    private void LookAgainAfter(TimeSpan wait) => _again = _again is { } earlier && earlier < wait ? earlier : wait;
}
