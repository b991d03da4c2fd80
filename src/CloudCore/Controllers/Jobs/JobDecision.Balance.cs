using EdgeSync.CloudCore.Controllers.ReplicaSets;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <content>How many pods there should be, and for which indexes.</content>
internal sealed partial class JobDecision
{
    private void Balance()
    {
        var parallelism = _spec.Parallelism ?? 1;
        var unwanted = Unwanted();
        _spare.AddRange(unwanted);
        var kept = _active.Except(unwanted).ToList();
        var wanted = _spec.Completions is null
            // the first that succeeds says that the work is done: those that run may end theirs
            ? Succeeded > 0 ? Math.Min(kept.Count, parallelism) : parallelism
            : Math.Min(parallelism, _completions - Succeeded - (_spec.BackoffLimitPerIndex is null ? 0 : _failedIndexes.Count));
        if (kept.Count > wanted)
        {
            _spare.AddRange(LeastDearFirst(kept).Take(kept.Count - Math.Max(0, wanted)));
            return;
        }

        var missing = Math.Min(wanted - kept.Count - (_spec.ReplacesOnlyEnded ? _terminating : 0), Burst);
        if (missing <= 0)
        {
            return;
        }

        if (_spec.IsIndexed)
        {
            CreateIndexed(missing, kept);
        }
        else if (Delay(_state.Pods) is var delay && delay > TimeSpan.Zero)
        {
            LookAgainAfter(delay);
        }
        else
        {
            _create.AddRange(Enumerable.Repeat(default(NewJobPod), missing));
        }
    }

    // of an index that is done, failed, past the last, or has another pod
    private List<JobPod> Unwanted()
    {
        if (!_spec.IsIndexed)
        {
            return [];
        }

        var taken = new HashSet<int>();
        return [.. LeastDearFirst(_active).Reverse()
            .Where(pod => pod.Index is not { } index || index >= _completions || _completed.Contains(index) || _failedIndexes.Contains(index) || !taken.Add(index))];
    }

    private void CreateIndexed(int missing, List<JobPod> kept)
    {
        var taken = kept.Select(pod => pod.Index!.Value).ToHashSet();
        if (_spec.ReplacesOnlyEnded)
        {
            taken.UnionWith(_state.Pods.Where(pod => pod.IsTerminating && pod.Index is not null).Select(pod => pod.Index!.Value));
        }

        var perIndex = _spec.BackoffLimitPerIndex is not null;
        if (!perIndex && Delay(_state.Pods) is var delay && delay > TimeSpan.Zero)
        {
            LookAgainAfter(delay);
            return;
        }

        var ended = _state.Pods.Where(pod => pod.Index is not null && !pod.IsActive).ToLookup(pod => pod.Index!.Value);
        for (var index = 0; index < _completions && missing > 0; index++)
        {
            if (taken.Contains(index) || _completed.Contains(index) || _failedIndexes.Contains(index))
            {
                continue;
            }

            if (perIndex && Delay(ended[index]) is var wait && wait > TimeSpan.Zero)
            {
                LookAgainAfter(wait);
                continue;
            }

            _create.Add(new NewJobPod(index, ended[index].Select(FailuresWith).DefaultIfEmpty(0).Max()));
            missing--;
        }
    }

    private int FailuresWith(JobPod pod) =>
        pod.FailuresBefore + (pod.Facts.Phase == "Failed" && FailureRules.Judge(_spec.PodFailurePolicy, pod).Verdict == FailureVerdict.Ignore ? 0 : 1);

    /// <summary>10 s after the last failure, doubled by each since the last success, six minutes at most; from the pods themselves, so that a restart forgets nothing.</summary>
    private TimeSpan Delay(IEnumerable<JobPod> pods)
    {
        var failures = 0;
        var last = DateTimeOffset.MinValue;
        foreach (var pod in pods.Where(pod => pod.Facts.IsTerminal).OrderByDescending(pod => pod.FinishedAt))
        {
            if (pod.Facts.Phase == "Succeeded")
            {
                break;
            }

            last = pod.FinishedAt > last ? pod.FinishedAt : last;
            failures++;
        }

        if (failures == 0)
        {
            return TimeSpan.Zero;
        }

        var wait = TimeSpan.FromSeconds(Math.Min(s_firstDelay.TotalSeconds * Math.Pow(2, Math.Min(failures - 1, 10)), s_longestDelay.TotalSeconds));
        return last + wait - _state.Now;
    }

    private IEnumerable<JobPod> LeastDearFirst(IReadOnlyList<JobPod> pods)
    {
        var byUid = pods.ToDictionary(pod => pod.Uid);
        var state = new ReplicaSetState { ReplicaSet = new ReplicaSet(), Pods = [], Now = _state.Now, WorthOf = pod => new PodWorth(byUid[pod.Uid].Restarts, 0) };
        return ReplicaSetDecision.LeastDearFirst(state, pods.Select(pod => pod.Facts)).Select(facts => byUid[facts.Uid]);
    }
}
