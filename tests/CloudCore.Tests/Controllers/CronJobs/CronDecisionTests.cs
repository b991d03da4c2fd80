using System.Globalization;
using EdgeSync.CloudCore.Controllers.CronJobs;
using EdgeSync.CloudCore.Controllers.Jobs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers.CronJobs;

/// <summary>When schedules are due, and what the CronJob controller makes of it.</summary>
public sealed class CronDecisionTests
{
    private static readonly DateTimeOffset s_now = Time("2026-03-10T12:00:30Z");

    private readonly List<OwnedJob> _jobs = [];
    private CronJobSpec _spec = new() { Schedule = "* * * * *", SuccessfulJobsHistoryLimit = 3, FailedJobsHistoryLimit = 1 };
    private CronJobStatus _status = new() { LastScheduleTime = "2026-03-10T11:59:00Z" };

    [Theory]
    [InlineData("*/15 * * * *", "UTC", "2026-03-10T12:00:00Z", "2026-03-10T12:15:00Z")]
    [InlineData("0 0 * * *", "UTC", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")]
    [InlineData("5-10/2 3 * * *", "UTC", "2026-03-10T03:07:00Z", "2026-03-10T03:09:00Z")]
    [InlineData("50/5 3 * * *", "UTC", "2026-03-10T03:55:00Z", "2026-03-11T03:50:00Z")]
    [InlineData("0 9 * * mon-fri", "UTC", "2026-03-13T09:00:00Z", "2026-03-16T09:00:00Z")]
    [InlineData("0 0 1,15 * *", "UTC", "2026-03-10T00:00:00Z", "2026-03-15T00:00:00Z")]
    [InlineData("0 0 13 * FRI", "UTC", "2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z")] // either of the two
    [InlineData("0 0 14 * fri", "UTC", "2026-03-13T00:00:00Z", "2026-03-14T00:00:00Z")]
    [InlineData("0 0 29 feb *", "UTC", "2026-03-10T00:00:00Z", "2028-02-29T00:00:00Z")]
    [InlineData("0 0 31 2 *", "UTC", "2026-03-10T00:00:00Z", null)]
    [InlineData("@yearly", "UTC", "2026-03-10T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData("@weekly", "UTC", "2026-03-10T00:00:00Z", "2026-03-15T00:00:00Z")]
    [InlineData("@hourly", "UTC", "2026-03-10T00:59:59Z", "2026-03-10T01:00:00Z")]
    [InlineData("@every 1h30m", "UTC", "2026-03-10T00:00:00Z", "2026-03-10T01:30:00Z")]
    [InlineData("0 9 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-28T08:00:00Z")]
    [InlineData("0 9 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T07:00:00Z")] // summer time has begun
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z")] // the 29th has no 2:30
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")] // the 25th has two
    [InlineData("TZ=Asia/Tokyo 0 9 * * *", "UTC", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")]
    public void Schedules_are_due_when_cron_says(string schedule, string zone, string after, string? expected) => Assert.Equal(
        expected, CronTable.Parse(schedule, TimeZoneInfo.FindSystemTimeZoneById(zone)).Next(Time(after)) is { } next ? KubeTime.Format(next) : null);

    [Fact]
    public void A_run_is_named_by_its_minute_and_the_next_look_is_at_the_next_one()
    {
        var plan = Decide();
        Assert.Equal(("web-29552400", "2026-03-10T12:00:00Z"), (plan.Start!.JobName, plan.Start.Timestamp));
        Assert.Equal(30, plan.LookAgainAfter!.Value.TotalSeconds);
        _status = _status with { LastScheduleTime = "2026-03-10T12:00:00Z" };
        Assert.Null(Decide().Start);
    }

    [Theory]
    [InlineData("2026-03-10T11:00:00Z", null, "12:00", "")] // an hour was missed: only the last run is made up for
    [InlineData("2026-03-10T09:00:00Z", null, "12:00", "TooManyMissedTimes")]
    [InlineData("2026-03-10T09:00:00Z", 120L, "12:00", "")] // the deadline leaves few to look at
    [InlineData("2026-03-10T11:00:00Z", 10L, "", "")]
    [InlineData("2020-01-01T00:00:00Z", null, "12:00", "TooManyMissedTimes")]
    public void Missed_runs_are_made_up_for_once(string last, long? deadline, string due, string note)
    {
        _status = _status with { LastScheduleTime = last };
        _spec = _spec with { StartingDeadlineSeconds = deadline };
        var plan = Decide();
        Assert.Equal(due, plan.Start?.Time.ToString("HH:mm", CultureInfo.InvariantCulture) ?? "");
        Assert.Equal(note, string.Join(' ', plan.Notes.Select(n => n.Reason)));
    }

    [Theory]
    [InlineData("Allow", true, 0, "")]
    [InlineData("Forbid", false, 0, "JobAlreadyActive")]
    [InlineData("Replace", true, 1, "")]
    public void A_run_that_is_still_on_is_minded(string policy, bool starts, int replaced, string note)
    {
        _spec = _spec with { ConcurrencyPolicy = policy };
        Job("running", null);
        _status = _status with { Active = [new ActiveJob { Name = "running", Uid = "running" }] };
        var plan = Decide();
        Assert.Equal((starts, replaced, note), (plan.Start is not null, plan.Replace.Count, string.Join(' ', plan.Notes.Select(n => n.Reason))));
        Assert.Equal(policy == "Replace" ? 0 : 1, plan.Active.Count);
    }

    [Fact]
    public void Ended_and_lost_jobs_leave_the_list()
    {
        Job("done", "Complete", completed: "2026-03-10T11:59:30Z");
        _status = _status with
        {
            LastScheduleTime = "2026-03-10T12:00:00Z",
            Active = [new ActiveJob { Name = "done", Uid = "done" }, new ActiveJob { Name = "lost", Uid = "lost" }],
        };
        var plan = Decide();
        Assert.Empty(plan.Active);
        Assert.Equal("2026-03-10T11:59:30Z", plan.LastSuccessfulTime);
        Assert.Equal(["Saw completed job: done, condition: Complete", "Active job went missing: lost"], plan.Notes.Select(n => n.Message));
    }

    [Fact]
    public void History_beyond_its_limits_goes_oldest_first()
    {
        for (var i = 0; i < 5; i++)
        {
            Job($"good{i}", "Complete", started: $"2026-03-10T10:0{i}:00Z");
            Job($"bad{i}", "Failed", started: $"2026-03-10T10:0{i}:30Z");
        }

        Assert.Equal(["good0", "good1", "bad0", "bad1", "bad2", "bad3"], Decide().Trim.Select(job => job.Name));
        _spec = _spec with { SuccessfulJobsHistoryLimit = null, FailedJobsHistoryLimit = 0 };
        Assert.Equal(5, Decide().Trim.Count);
    }

    [Fact]
    public void A_suspended_or_going_one_starts_nothing()
    {
        _spec = _spec with { Suspend = true };
        var plan = Decide();
        Assert.Null(plan.Start);
        Assert.Null(plan.LookAgainAfter);
        _spec = _spec with { Suspend = false };
        Assert.Null(Decide(deleting: "2026-03-10T12:00:00Z").Start);
    }

    [Fact]
    public void A_zone_is_told_in_the_timestamp_and_one_that_is_not_known_is_said()
    {
        _spec = _spec with { TimeZone = "Asia/Tokyo" };
        Assert.Equal("2026-03-10T21:00:00+09:00", Decide().Start!.Timestamp);
        _spec = _spec with { TimeZone = "No/Where" };
        Assert.Equal("UnknownTimeZone", Assert.Single(Decide().Notes).Reason);
    }

    [Fact]
    public void A_new_one_waits_for_its_first_time()
    {
        _status = new CronJobStatus();
        Assert.Null(Decide(created: "2026-03-10T12:00:10Z").Start);
        Assert.NotNull(Decide(created: "2026-03-10T11:59:50Z").Start);
    }

    private CronPlan Decide(string? deleting = null, string created = "2026-01-01T00:00:00Z") => CronDecision.Decide(new CronState
    {
        Name = "web",
        CronJob = new CronJob { Metadata = new ObjectMeta { CreationTimestamp = created, DeletionTimestamp = deleting }, Spec = _spec, Status = _status },
        Jobs = _jobs,
        Now = s_now,
        LocalZone = TimeZoneInfo.Utc,
    });

    private void Job(string name, string? condition, string? started = null, string? completed = null) => _jobs.Add(new OwnedJob(
        name, name,
        new Job
        {
            Status = new JobStatus
            {
                StartTime = started,
                CompletionTime = completed,
                Conditions = condition is null ? null : [new Condition { Type = condition, Status = "True" }],
            },
        },
        false));

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
