using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Jobs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers.Jobs;

/// <summary>The Job controller's decisions, case by case.</summary>
public sealed class JobDecisionTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly List<JobPod> _pods = [];
    private JobSpec _spec = new() { Completions = 1, Parallelism = 1, BackoffLimit = 6 };
    private JobStatus? _status;

    [Theory]
    [InlineData(8, 2, 0, 0, 2)]
    [InlineData(8, 2, 1, 3, 1)]
    [InlineData(8, 2, 0, 7, 1)]
    [InlineData(8, 2, 1, 7, 0)]
    [InlineData(3, 10, 0, 0, 3)]
    [InlineData(3, 0, 0, 0, 0)]
    public void As_many_run_as_may_and_are_still_needed(int completions, int parallelism, int active, int succeeded, int made)
    {
        _spec = _spec with { Completions = completions, Parallelism = parallelism };
        _status = new JobStatus { Succeeded = succeeded, StartTime = Time(-60) };
        Pods(active, "Running");
        Assert.Equal(made, Decide().Create.Count);
    }

    [Fact]
    public void An_ended_pod_is_noted_then_freed_then_counted_and_then_the_job_is_complete()
    {
        var pod = Pod("Succeeded");
        var noted = Decide();
        Assert.Equal([pod.Uid], noted.Status.UncountedTerminatedPods!.Succeeded);
        Assert.Equal((0, "SuccessCriteriaMet=True/CompletionsReached"), (noted.Status.Succeeded, Conditions(noted)));
        Assert.Equal([pod], noted.Release);
        Assert.Null(noted.Status.CompletionTime);

        // the status was written and the hub died: the finalizer goes at the next look
        _status = noted.Status;
        var again = Decide();
        Assert.Equal([pod], again.Release);
        Assert.Equal([pod.Uid], again.Status.UncountedTerminatedPods!.Succeeded);

        _pods[0] = pod with { IsTracked = false };
        var counted = Decide();
        Assert.Equal((1, "Complete=True/CompletionsReached SuccessCriteriaMet=True/CompletionsReached"), (counted.Status.Succeeded, Conditions(counted)));
        Assert.Empty(counted.Status.UncountedTerminatedPods!.Succeeded!);
        Assert.Equal(KubeTime.Format(s_now), counted.Status.CompletionTime);

        _status = counted.Status;
        Assert.Empty(Decide().Create);
        Assert.Same(_status, Decide().Status);
    }

    [Fact]
    public void A_pod_that_was_counted_is_not_counted_again()
    {
        _spec = _spec with { Completions = 3 };
        _status = new JobStatus { Succeeded = 1, StartTime = Time(-60) };
        _pods.Add(Pod("Succeeded", add: false) with { IsTracked = false });
        var plan = Decide();
        Assert.Equal((1, 1), (plan.Status.Succeeded, plan.Create.Count));
        Assert.Empty(plan.Status.UncountedTerminatedPods!.Succeeded!);
    }

    [Fact]
    public void A_pod_on_a_node_out_of_contact_is_not_run_twice()
    {
        // its box is away: the pod is neither ended nor asked to go, whatever its readiness says
        _pods.Add(Pod("Running", add: false) with { Conditions = [new Condition { Type = "Ready", Status = "False" }] });
        Assert.Empty(Decide().Create);
    }

    [Theory]
    [InlineData(1, -3, 0, 7)]
    [InlineData(1, -11, 1, 0)]
    [InlineData(2, -11, 0, 9)]
    [InlineData(3, -41, 1, 0)]
    [InlineData(6, -310, 0, 10)]
    [InlineData(7, -310, 0, 50)]
    public void A_failure_is_followed_by_a_growing_wait(int failures, int lastSecondsAgo, int made, int wait)
    {
        _spec = _spec with { BackoffLimit = 20 };
        for (var i = 0; i < failures; i++)
        {
            Pod("Failed", finished: lastSecondsAgo - (i * 100));
        }

        var plan = Decide();
        Assert.Equal((made, wait), (plan.Create.Count, (int)(plan.LookAgainAfter?.TotalSeconds ?? 0)));
        Assert.Equal(failures, plan.Status.UncountedTerminatedPods!.Failed!.Count);
    }

    [Fact]
    public void A_success_between_ends_the_growth()
    {
        _spec = _spec with { Completions = 5, BackoffLimit = 20 };
        Pod("Failed", finished: -300);
        Pod("Failed", finished: -200);
        Pod("Succeeded", finished: -100);
        Pod("Failed", finished: -9);
        Assert.Equal(1, (int)Decide().LookAgainAfter!.Value.TotalSeconds);
    }

    [Fact]
    public void Too_many_failures_end_the_job_once_all_pods_have_ended()
    {
        _spec = _spec with { Completions = 5, Parallelism = 3, BackoffLimit = 1 };
        _status = new JobStatus { Failed = 1, StartTime = Time(-60) };
        Pod("Failed");
        var running = Pod("Running");
        var plan = Decide();
        Assert.Equal([running], plan.Stop);
        Assert.Empty(plan.Create);
        Assert.Equal("FailureTarget=True/BackoffLimitExceeded", Conditions(plan));

        _status = plan.Status;
        _pods[0] = _pods[0] with { IsTracked = false };
        _pods[1] = running with { Facts = running.Facts with { IsDeleting = true } };
        plan = Decide();
        Assert.Equal("FailureTarget=True/BackoffLimitExceeded", Conditions(plan));
        Assert.Equal(2, plan.Status.Failed);

        _status = plan.Status;
        _pods.RemoveAt(1); // gone, and noted as failed before
        plan = Decide();
        Assert.Equal("Failed=True/BackoffLimitExceeded FailureTarget=True/BackoffLimitExceeded", Conditions(plan));
        Assert.Equal("Job has reached the specified backoff limit", plan.Status.Conditions!.Single(c => c.Type == "Failed").Message);
        Assert.Equal(3, plan.Status.Failed);
        Assert.Null(plan.Status.CompletionTime);
    }

    [Fact]
    public void Restarts_in_place_count_against_the_limit()
    {
        _spec = _spec with { BackoffLimit = 3, Template = new JobTemplate { Spec = new JobTemplateSpec { RestartPolicy = "OnFailure" } } };
        _pods.Add(Pod("Running", add: false) with { Restarts = 2 });
        Assert.Empty(Decide().Stop);
        _pods[0] = _pods[0] with { Restarts = 3 };
        Assert.Single(Decide().Stop);
    }

    [Fact]
    public void A_deadline_ends_it()
    {
        _spec = _spec with { ActiveDeadlineSeconds = 60 };
        Pod("Running");
        _status = new JobStatus { StartTime = Time(-59) };
        Assert.Equal(1, Decide().LookAgainAfter!.Value.TotalSeconds);
        _status = new JobStatus { StartTime = Time(-60) };
        Assert.Equal("FailureTarget=True/DeadlineExceeded", Conditions(Decide()));

        // what it ends has failed once it has ended
        Assert.Single(Decide().Stop);
        _status = Decide().Status;
        _pods[0] = _pods[0] with { Facts = _pods[0].Facts with { IsDeleting = true } };
        _status = Decide().Status;
        _pods.Clear();
        Assert.Equal(1, Decide().Status.Failed);
    }

    [Fact]
    public void Suspended_it_gives_up_its_pods_and_its_start_and_takes_both_up_again()
    {
        _spec = _spec with { Suspend = true };
        _status = new JobStatus { StartTime = Time(-60) };
        var running = Pod("Running");
        var plan = Decide();
        Assert.Equal([running], plan.Spare);
        Assert.Equal(("Suspended=True/JobSuspended", null), (Conditions(plan), plan.Status.StartTime));
        _status = plan.Status;
        _pods.Clear();
        _spec = _spec with { Suspend = false };
        plan = Decide();
        Assert.Equal(("Suspended=False/JobResumed", KubeTime.Format(s_now)), (Conditions(plan), plan.Status.StartTime));
        Assert.Single(plan.Create);
    }

    [Fact]
    public void Each_index_is_run_until_it_succeeds()
    {
        _spec = _spec with { Completions = 5, Parallelism = 3, CompletionMode = "Indexed" };
        _status = new JobStatus { CompletedIndexes = "0", Succeeded = 1, StartTime = Time(-600) };
        Pod("Running", index: 1);
        Pod("Succeeded", index: 3);
        Pod("Failed", index: 2, finished: -60);
        var doubled = Pod("Running", index: 1, age: 1);
        var plan = Decide();
        Assert.Equal([2, 4], plan.Create.Select(pod => pod.Index!.Value));
        Assert.Equal([doubled], plan.Spare);
        Assert.Equal(("0,3", 2), (plan.Status.CompletedIndexes, plan.Status.Succeeded));
        Assert.Single(plan.Status.UncountedTerminatedPods!.Failed!);
        Assert.Empty(plan.Status.UncountedTerminatedPods.Succeeded!);
    }

    [Fact]
    public void An_index_with_a_limit_of_its_own_fails_alone()
    {
        _spec = _spec with { Completions = 2, Parallelism = 2, CompletionMode = "Indexed", BackoffLimitPerIndex = 1, BackoffLimit = int.MaxValue };
        _pods.Add(Pod("Failed", add: false, index: 0, finished: -60) with { FailuresBefore = 0 });
        Pod("Succeeded", index: 1);
        var plan = Decide();
        Assert.Equal(new NewJobPod(0, 1), Assert.Single(plan.Create));
        _status = plan.Status with { UncountedTerminatedPods = null, Failed = 1 };
        _pods.Clear();
        _pods.Add(Pod("Failed", add: false, index: 0) with { FailuresBefore = 1 });
        plan = Decide();
        Assert.Equal(("0", "1", "FailureTarget=True/FailedIndexes"), (plan.Status.FailedIndexes, plan.Status.CompletedIndexes, Conditions(plan)));
    }

    [Fact]
    public void A_policy_says_what_a_failure_means()
    {
        _spec = _spec with
        {
            BackoffLimit = 0,
            PodReplacementPolicy = "Failed",
            PodFailurePolicy = new PodFailurePolicy
            {
                Rules =
                [
                    new PodFailureRule { Action = "Ignore", OnPodConditions = [new PodConditionRule { Type = "DisruptionTarget", Status = "True" }] },
                    new PodFailureRule { Action = "FailJob", OnExitCodes = new ExitCodeRule { Operator = "In", Values = [42] } },
                ],
            },
        };
        _pods.Add(Pod("Failed", add: false, finished: -60) with { Conditions = [new Condition { Type = "DisruptionTarget", Status = "True" }] });
        var plan = Decide();
        Assert.Single(plan.Create);
        Assert.Single(plan.Release);
        Assert.Empty(plan.Status.UncountedTerminatedPods!.Failed!);
        _pods[0] = Pod("Failed", add: false) with { ExitCodes = [("c", 42)] };
        plan = Decide();
        Assert.Equal("FailureTarget=True/PodFailurePolicy", Conditions(plan));
        Assert.Equal($"Container c for pod {_pods[0].Facts.Name} failed with exit code 42 matching FailJob rule at index 1", plan.Status.Conditions![^1].Message);
        _pods[0] = Pod("Failed", add: false) with { ExitCodes = [("c", 1)] };
        Assert.Equal("FailureTarget=True/BackoffLimitExceeded", Conditions(Decide()));
    }

    [Theory]
    [InlineData("TerminatingOrFailed", 1, 1)]
    [InlineData("Failed", 0, 0)]
    public void A_pod_that_is_asked_to_go_is_replaced_as_the_policy_says(string policy, int made, int failed)
    {
        _spec = _spec with { PodReplacementPolicy = policy };
        _pods.Add(Pod("Running", add: false));
        _pods[0] = _pods[0] with { Facts = _pods[0].Facts with { IsDeleting = true } };
        var plan = Decide();
        Assert.Equal((made, failed, 1), (plan.Create.Count, plan.Status.UncountedTerminatedPods!.Failed!.Count, plan.Status.Terminating));
    }

    [Fact]
    public void Without_completions_the_first_success_says_that_the_work_is_done()
    {
        _spec = _spec with { Completions = null, Parallelism = 3 };
        Pods(3, "Running");
        Pod("Succeeded");
        var plan = Decide();
        Assert.Empty(plan.Create);
        Assert.Empty(plan.Stop);
        _pods.RemoveRange(0, 3);
        Assert.Equal("SuccessCriteriaMet=True/CompletionsReached", Conditions(Decide()));
    }

    [Fact]
    public void More_pods_than_wanted_go_and_are_no_failures()
    {
        _spec = _spec with { Completions = 5, Parallelism = 1 };
        var old = Pod("Running", age: 100);
        var young = Pod("Running", age: 1);
        Assert.Equal([young], Decide().Spare);
        Assert.DoesNotContain(old, Decide().Spare);
    }

    [Fact]
    public void What_is_on_its_way_out_holds_no_pod()
    {
        var pod = Pod("Succeeded");
        var plan = JobDecision.Decide(new JobState
        {
            Job = new Job { Metadata = new ObjectMeta { DeletionTimestamp = Time(0) }, Spec = _spec, Status = _status },
            Pods = _pods,
            Now = s_now,
        });
        Assert.Equal([pod], plan.Release);
        Assert.Empty(plan.Create);
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("0", "0", 1)]
    [InlineData("1,0", "0,1", 2)]
    [InlineData("2,0-1,5", "0-2,5", 4)]
    [InlineData("3-9", "3-7", 5)]
    [InlineData("x,4-2,9", "", 0)]
    public void Indexes_are_written_as_ranges(string text, string expected, int count)
    {
        var set = IndexSet.Parse(text, 8);
        Assert.Equal((expected, count), (set.ToString(), set.Count));
    }

    private JobPlan Decide() => JobDecision.Decide(new JobState { Job = new Job { Spec = _spec, Status = _status }, Pods = _pods, Now = s_now });

    private void Pods(int count, string phase)
    {
        for (var i = 0; i < count; i++)
        {
            Pod(phase);
        }
    }

    private JobPod Pod(string phase, int? index = null, int finished = 0, bool add = true, int age = 600)
    {
        var name = $"p{Guid.NewGuid():N}";
        var pod = new JobPod
        {
            Facts = new PodFacts
            {
                Name = new NamespacedName("default", name),
                Uid = name,
                Phase = phase,
                IsBound = true,
                NodeName = "n",
                IsReady = phase == "Running",
                Created = s_now.AddSeconds(-age),
                ReadySince = s_now.AddSeconds(-age),
            },
            Index = index,
            FinishedAt = s_now.AddSeconds(finished),
        };
        if (add)
        {
            _pods.Add(pod);
        }

        return pod;
    }

    private static string Time(int seconds) => KubeTime.Format(s_now.AddSeconds(seconds));

    private static string Conditions(JobPlan plan) =>
        string.Join(' ', plan.Status.Conditions!.OrderBy(c => c.Type, StringComparer.Ordinal).Select(c => $"{c.Type}={c.Status}/{c.Reason}"));
}
