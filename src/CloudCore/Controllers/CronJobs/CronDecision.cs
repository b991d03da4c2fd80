using System.Globalization;
using EdgeSync.CloudCore.Controllers.Jobs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.CronJobs;

/// <summary>A Job that the CronJob controls.</summary>
internal sealed record OwnedJob(string Name, string Uid, Job View, bool IsDeleting)
{
    public DateTimeOffset Started => KubeTime.TryParse(View.Status?.StartTime, out var start) ? start : DateTimeOffset.MaxValue;
}

/// <summary>Everything that the decision on a CronJob depends on.</summary>
internal sealed record CronState
{
    public required string Name { get; init; }

    public required CronJob CronJob { get; init; }

    public required IReadOnlyList<OwnedJob> Jobs { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>The zone of schedules that name none.</summary>
    public TimeZoneInfo LocalZone { get; init; } = TimeZoneInfo.Local;
}

/// <summary>A run that is due.</summary>
internal sealed record DueRun(string JobName, DateTimeOffset Time, string Timestamp);

/// <summary>An Event that goes with a decision.</summary>
internal readonly record struct CronNote(bool IsWarning, string Reason, string Message);

/// <summary>What is to be done for a CronJob, and its status.</summary>
internal sealed record CronPlan
{
    public DueRun? Start { get; init; }

    /// <summary>Jobs that the new one replaces.</summary>
    public IReadOnlyList<OwnedJob> Replace { get; init; } = [];

    /// <summary>Jobs that are history beyond the limits.</summary>
    public IReadOnlyList<OwnedJob> Trim { get; init; } = [];

    /// <summary>Without the Job of <see cref="Start"/>, which is not made yet.</summary>
    public IReadOnlyList<ActiveJob> Active { get; init; } = [];

    public string? LastSuccessfulTime { get; init; }

    public IReadOnlyList<CronNote> Notes { get; init; } = [];

    public TimeSpan? LookAgainAfter { get; init; }
}

/// <summary>
/// Decides what a CronJob needs: a pure function of its state, by the rules of Kubernetes' CronJob controller. Of several runs that were
/// missed only the last is made up for; more than a hundred are told.
/// </summary>
internal sealed class CronDecision
{
    private const int TooManyMissed = 100;

    private readonly CronState _state;
    private readonly CronJobSpec _spec;
    private readonly List<CronNote> _notes = [];
    private readonly List<ActiveJob> _active;
    private readonly List<OwnedJob> _replace = [];
    private string? _lastSuccess;
    private TimeSpan? _again;

    private CronDecision(CronState state)
    {
        _state = state;
        _spec = state.CronJob.Spec;
        _active = [.. state.CronJob.Status?.Active ?? []];
        _lastSuccess = state.CronJob.Status?.LastSuccessfulTime;
    }

    public static CronPlan Decide(CronState state)
    {
        var decision = new CronDecision(state);
        decision.LookAtJobs();
        var start = state.CronJob.Metadata.DeletionTimestamp is null ? decision.FindDue() : null;
        return new CronPlan
        {
            Start = start,
            Replace = decision._replace,
            Trim = [.. decision.Surplus(_ => _.Type == "Complete", decision._spec.SuccessfulJobsHistoryLimit), .. decision.Surplus(_ => _.Type == "Failed", decision._spec.FailedJobsHistoryLimit)],
            Active = decision._active,
            LastSuccessfulTime = decision._lastSuccess,
            Notes = decision._notes,
            LookAgainAfter = decision._again,
        };
    }

    private void LookAtJobs()
    {
        foreach (var job in _state.Jobs)
        {
            var listed = _active.Exists(active => active.Uid == job.Uid);
            if (job.View.Status?.Finished is not { } finished)
            {
                if (!listed && !job.IsDeleting)
                {
                    _notes.Add(new CronNote(true, "UnexpectedJob", $"Saw a job that the controller did not create or forgot: {job.Name}"));
                }

                continue;
            }

            if (listed)
            {
                _active.RemoveAll(active => active.Uid == job.Uid);
                _notes.Add(new CronNote(false, "SawCompletedJob", $"Saw completed job: {job.Name}, condition: {finished.Type}"));
            }

            if (finished.Type == "Complete" && KubeTime.TryParse(job.View.Status.CompletionTime, out var completed)
                && (!KubeTime.TryParse(_lastSuccess, out var last) || last < completed))
            {
                _lastSuccess = KubeTime.Format(completed);
            }
        }

        foreach (var gone in _active.FindAll(active => !_state.Jobs.Any(job => job.Uid == active.Uid)))
        {
            _active.Remove(gone);
            _notes.Add(new CronNote(false, "MissingJob", $"Active job went missing: {gone.Name}"));
        }
    }

    private DueRun? FindDue()
    {
        if (_spec.Suspend || Read() is not { } table)
        {
            return null;
        }

        if (table.Next(_state.Now) is { } next)
        {
            _again = next - _state.Now;
        }

        if (LastDue(table) is not { } due)
        {
            return null;
        }

        if (_spec.StartingDeadlineSeconds is { } deadline && due.AddSeconds(deadline) < _state.Now)
        {
            _notes.Add(new CronNote(true, "MissSchedule", $"Missed scheduled time to start a job: {due.UtcDateTime.ToString("r", CultureInfo.InvariantCulture)}"));
            return null;
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"{_state.Name}-{due.ToUnixTimeSeconds() / 60}");
        if (_active.Exists(active => active.Name == name)
            || (KubeTime.TryParse(_state.CronJob.Status?.LastScheduleTime, out var last) && last == due))
        {
            return null;
        }

        if (_spec.ConcurrencyPolicy == "Forbid" && _active.Count > 0)
        {
            _notes.Add(new CronNote(false, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid"));
            return null;
        }

        if (_spec.ConcurrencyPolicy == "Replace")
        {
            _replace.AddRange(_state.Jobs.Where(job => _active.Exists(active => active.Uid == job.Uid)));
            _active.Clear();
        }

        return new DueRun(name, due, Timestamp(due));
    }

    private CronTable? Read()
    {
        var zone = _state.LocalZone;
        if (_spec.TimeZone is { } name && !TimeZoneInfo.TryFindSystemTimeZoneById(name, out zone))
        {
            _notes.Add(new CronNote(true, "UnknownTimeZone", $"invalid timeZone: \"{name}\""));
            return null;
        }

        try
        {
            return CronTable.Parse(_spec.Schedule, zone!);
        }
        catch (FormatException e)
        {
            _notes.Add(new CronNote(true, "UnparseableSchedule", $"unparseable schedule: {_spec.Schedule} : {e.Message}"));
            return null;
        }
    }

    // the last time that has passed since the last run, or since the CronJob was made
    private DateTimeOffset? LastDue(CronTable table)
    {
        var earliest = KubeTime.TryParse(_state.CronJob.Status?.LastScheduleTime, out var last) ? last
            : KubeTime.TryParse(_state.CronJob.Metadata.CreationTimestamp, out var created) ? created : _state.Now;
        if (_spec.StartingDeadlineSeconds is { } seconds && _state.Now.AddSeconds(-seconds) is var oldest && oldest > earliest)
        {
            earliest = oldest;
        }

        if (table.Next(earliest) is not { } first || first > _state.Now)
        {
            return null;
        }

        if (table.Next(first) is not { } second || second > _state.Now)
        {
            return first;
        }

        var missed = ((_state.Now - first) / (second - first)) + 1;
        if (missed > TooManyMissed)
        {
            _notes.Add(new CronNote(true, "TooManyMissedTimes", "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"));
        }

        // by steps of the first distance to shortly before now: what was missed in months is not walked through
        var near = first + ((second - first) * Math.Max(0, Math.Floor(missed) - 2));
        var due = first;
        for (var at = table.Next(near); at is { } time && time <= _state.Now; at = table.Next(time))
        {
            due = time > due ? time : due;
        }

        return due;
    }

    private string Timestamp(DateTimeOffset due)
    {
        var zone = _spec.TimeZone is { } name && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var found) ? found : _state.LocalZone;
        var local = TimeZoneInfo.ConvertTime(due, zone);
        return local.Offset == TimeSpan.Zero ? KubeTime.Format(due) : local.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
    }

    private IEnumerable<OwnedJob> Surplus(Func<Condition, bool> fits, int? limit)
    {
        if (limit is not { } most)
        {
            return [];
        }

        var finished = _state.Jobs.Where(job => !job.IsDeleting && job.View.Status?.Finished is { } condition && fits(condition))
            .OrderBy(job => job.Started).ThenBy(job => job.Name, StringComparer.Ordinal).ToList();
        return finished.Take(Math.Max(0, finished.Count - most));
    }
}
