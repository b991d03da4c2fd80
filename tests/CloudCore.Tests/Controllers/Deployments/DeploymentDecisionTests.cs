using System.Text.Json;
using EdgeSync.CloudCore.Controllers.Deployments;
using EdgeSync.CloudCore.Controllers.ReplicaSets;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers.Deployments;

/// <summary>The Deployment controller's decisions, case by case.</summary>
public sealed class DeploymentDecisionTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly List<OwnedReplicaSet> _sets = [];
    private readonly HashSet<string> _withPods = [];
    private DeploymentSpec _spec = new() { Replicas = 10, ProgressDeadlineSeconds = 600, RevisionHistoryLimit = 10, Strategy = Rolling("25%", "25%") };
    private DeploymentStatus? _status;
    private Dictionary<string, string> _annotations = new() { ["deployment.kubernetes.io/revision"] = "1", ["kubernetes.io/change-cause"] = "why" };

    // as Kubernetes' own table: replicas, what there is, what is asked for
    [Theory]
    [InlineData(10, "25%", "25%", 3, 2)]
    [InlineData(10, "0", "0", 0, 1)]
    [InlineData(1, "25%", "25%", 1, 0)]
    [InlineData(3, "1", "50%", 1, 1)]
    [InlineData(2, "0", "5", 0, 2)]
    public void Surge_is_rounded_up_and_unavailable_down(int replicas, string surge, string unavailable, int expectedSurge, int expectedUnavailable) =>
        Assert.Equal((expectedSurge, expectedUnavailable), DeploymentDecision.Limits(Rolling(surge, unavailable), replicas));

    [Fact]
    public void The_first_look_makes_the_replica_set_with_all_replicas()
    {
        _annotations.Remove("deployment.kubernetes.io/revision");
        var plan = Decide();
        Assert.Equal(10, plan.Create!.Replicas);
        Assert.Equal(("1", "10", "13", "why"), (
            plan.Create.Annotations["deployment.kubernetes.io/revision"], plan.Create.Annotations["deployment.kubernetes.io/desired-replicas"],
            plan.Create.Annotations["deployment.kubernetes.io/max-replicas"], plan.Create.Annotations["kubernetes.io/change-cause"]));
        Assert.Equal("1", plan.Revision);
        Assert.Equal("Available=False/MinimumReplicasUnavailable Progressing=True/NewReplicaSetCreated", Conditions(plan));
    }

    [Theory]
    [InlineData(10, 10, 0, 0, 3, 0)] // nothing of the new yet: only the surge
    [InlineData(10, 10, 3, 0, 3, 8)] // two may be missing at once
    [InlineData(8, 8, 3, 3, 5, 8)] // scaled up first, down at the next look
    [InlineData(8, 8, 5, 3, 5, 5)]
    [InlineData(8, 10, 5, 3, 5, 5)] // counts that still have the pods that go
    [InlineData(10, 6, 3, 0, 3, 8)] // what is broken anyway goes first
    [InlineData(3, 3, 10, 10, 10, 0)]
    [InlineData(0, 0, 12, 12, 10, 0)]
    public void A_rollout_keeps_to_its_limits(int old, int oldAvailable, int current, int currentAvailable, int wantedCurrent, int wantedOld)
    {
        Set("old", 1, old, oldAvailable);
        if (current > 0)
        {
            Set("new", 2, current, currentAvailable, template: "now");
        }

        var plan = Decide();
        Assert.Equal(wantedCurrent, current == 0 ? plan.Create!.Replicas : After(plan, "new"));
        Assert.Equal(current == 0 ? old : wantedOld, After(plan, "old"));
    }

    [Fact]
    public void The_new_set_gets_the_next_revision_also_when_its_template_is_an_old_one()
    {
        Set("a", 1, 0, 0, template: "now");
        Set("b", 2, 10, 10);
        var plan = Decide();
        var change = plan.Change.Single(change => change.ReplicaSet.Name == "a");
        Assert.Equal(("3", "1", "why", "3"), (
            change.Annotations["deployment.kubernetes.io/revision"], change.Annotations["deployment.kubernetes.io/revision-history"],
            change.Annotations["kubernetes.io/change-cause"], plan.Revision));
        Assert.Equal(3, change.Replicas);
    }

    [Fact]
    public void Recreate_waits_until_the_last_old_pod_is_gone()
    {
        _spec = _spec with { Strategy = new DeploymentStrategy { Type = "Recreate" } };
        Set("old", 1, 10, 10);
        var plan = Decide();
        Assert.Equal((0, null), (After(plan, "old"), plan.Create));
        _sets[0] = _sets[0] with { Replicas = 0 };
        _withPods.Add("old");
        Assert.Null(Decide().Create);
        _withPods.Clear();
        Assert.Equal(10, Decide().Create!.Replicas);
    }

    [Fact]
    public void A_change_of_the_number_in_mid_rollout_is_shared_out()
    {
        Set("old", 1, 8, 8, desired: 10, most: 13);
        Set("new", 2, 5, 5, template: "now", desired: 10, most: 13);
        _spec = _spec with { Replicas = 20 };
        var plan = Decide();
        // 25 are allowed; 8/13 and 5/13 of them
        Assert.Equal((15, 10), (After(plan, "old"), After(plan, "new")));
        Assert.Equal("20", plan.Change[0].Annotations["deployment.kubernetes.io/desired-replicas"]);
        _spec = _spec with { Replicas = 5 };
        plan = Decide();
        Assert.Equal((4, 3), (After(plan, "old"), After(plan, "new")));
        _spec = _spec with { Replicas = 0 };
        plan = Decide();
        Assert.Equal((0, 0), (After(plan, "old"), After(plan, "new")));
    }

    [Fact]
    public void A_paused_one_is_scaled_but_not_rolled_out()
    {
        _spec = _spec with { Paused = true };
        Set("old", 1, 10, 10);
        var plan = Decide();
        Assert.Null(plan.Create);
        Assert.Equal(10, After(plan, "old"));
        Assert.Equal("Available=True/MinimumReplicasAvailable Progressing=Unknown/DeploymentPaused", Conditions(plan));
        _spec = _spec with { Replicas = 4 };
        Assert.Equal(4, After(Decide(), "old"));
        _status = plan.Status;
        _spec = _spec with { Paused = false, Replicas = 10 };
        Assert.Equal("Available=True/MinimumReplicasAvailable Progressing=True/NewReplicaSetCreated", Conditions(Decide()));
    }

    [Fact]
    public void Progress_is_noted_until_all_is_done_and_a_standstill_runs_into_the_deadline()
    {
        Set("new", 1, 10, 4, template: "now");
        _status = new DeploymentStatus { Replicas = 10, UpdatedReplicas = 10, ReadyReplicas = 3, AvailableReplicas = 3, Conditions = [Progressing("ReplicaSetUpdated", s_now.AddSeconds(-599))] };
        var plan = Decide();
        var condition = plan.Status.Conditions!.Single(c => c.Type == "Progressing");
        Assert.Equal(("ReplicaSetUpdated", KubeTime.Format(s_now), "ReplicaSet \"new\" is progressing."), (condition.Reason, condition.LastUpdateTime, condition.Message));
        Assert.Equal(TimeSpan.FromSeconds(601), plan.LookAgainAfter);

        _status = _status with { ReadyReplicas = 4, AvailableReplicas = 4, Conditions = [Progressing("ReplicaSetUpdated", s_now.AddSeconds(-601))] };
        Assert.Equal("Available=False/MinimumReplicasUnavailable Progressing=False/ProgressDeadlineExceeded", Conditions(Decide()));

        _sets.Clear();
        Set("new", 1, 10, 10, template: "now");
        plan = Decide();
        Assert.Equal("Available=True/MinimumReplicasAvailable Progressing=True/NewReplicaSetAvailable", Conditions(plan));
        Assert.Equal("ReplicaSet \"new\" has successfully progressed.", plan.Status.Conditions!.Single(c => c.Type == "Progressing").Message);

        // one that is complete and loses a pod later is not timed by the deadline
        _status = plan.Status;
        _sets[0] = _sets[0] with { Status = _sets[0].Status with { AvailableReplicas = 9 } };
        Assert.Null(Decide().LookAgainAfter);
    }

    [Fact]
    public void History_beyond_the_limit_goes_oldest_first_once_the_rollout_is_complete()
    {
        _spec = _spec with { RevisionHistoryLimit = 1 };
        Set("a", 1, 0, 0);
        Set("b", 2, 0, 0, template: "other");
        Set("c", 3, 0, 0, template: "third");
        Set("now", 4, 10, 9, template: "now");
        Assert.Empty(Decide().Delete);
        _sets[3] = _sets[3] with { Status = _sets[3].Status with { AvailableReplicas = 10 } };
        Assert.Equal(["a", "b"], Decide().Delete.Select(set => set.Name));
        _sets[0] = _sets[0] with { Generation = 1 }; // its own controller has not seen its last change yet
        Assert.Equal(["b"], Decide().Delete.Select(set => set.Name));
    }

    [Fact]
    public void A_look_at_what_is_as_it_should_be_changes_nothing()
    {
        Set("old", 1, 0, 0);
        Set("new", 2, 10, 10, template: "now");
        _annotations["deployment.kubernetes.io/revision"] = "2";
        _sets[1] = _sets[1] with { Annotations = new Dictionary<string, string>(_sets[1].Annotations) { ["kubernetes.io/change-cause"] = "why" } };
        var first = Decide();
        _status = first.Status;
        var second = Decide();
        Assert.Empty(second.Change);
        Assert.Null(second.Create);
        Assert.Null(second.Revision);
        Assert.Equal(first.Status.Conditions, second.Status.Conditions);
        Assert.Equal(first.Status with { Conditions = null }, second.Status with { Conditions = null });
    }

    [Fact]
    public void What_keeps_pods_from_being_made_is_said_on_the_deployment_too()
    {
        Set("new", 1, 10, 0, template: "now");
        _sets[0] = _sets[0] with { Status = _sets[0].Status with { Conditions = [new Condition { Type = "ReplicaFailure", Status = "True", Reason = "FailedCreate", Message = "quota" }] } };
        Assert.Contains("ReplicaFailure=True/FailedCreate", Conditions(Decide()), StringComparison.Ordinal);
    }

    private DeploymentPlan Decide() => DeploymentDecision.Decide(new DeploymentState
    {
        Name = "web",
        Template = "now",
        NewName = "web-hash",
        Deployment = new Deployment { Metadata = new ObjectMeta { Generation = 1, Annotations = _annotations }, Spec = _spec, Status = _status },
        ReplicaSets = _sets,
        WithPods = _withPods,
        Now = s_now,
    });

    private void Set(string name, int revision, int replicas, int available, string template = "before", int? desired = null, int? most = null)
    {
        var annotations = new Dictionary<string, string> { ["deployment.kubernetes.io/revision"] = $"{revision}" };
        if (desired is { } count)
        {
            annotations["deployment.kubernetes.io/desired-replicas"] = $"{count}";
            annotations["deployment.kubernetes.io/max-replicas"] = $"{most}";
        }

        _sets.Add(new OwnedReplicaSet
        {
            Name = name,
            Uid = name,
            Template = template,
            Replicas = replicas,
            Annotations = annotations,
            Created = s_now.AddMinutes(revision - 100),
            Status = new ReplicaSetStatus { Replicas = replicas, ReadyReplicas = available, AvailableReplicas = available },
        });
    }

    private static DeploymentCondition Progressing(string reason, DateTimeOffset updated) => new()
    {
        Type = "Progressing",
        Status = "True",
        Reason = reason,
        LastUpdateTime = KubeTime.Format(updated),
        LastTransitionTime = KubeTime.Format(updated),
    };

    private int After(DeploymentPlan plan, string set) =>
        plan.Change.FirstOrDefault(change => change.ReplicaSet.Name == set)?.Replicas ?? _sets.Single(candidate => candidate.Name == set).Replicas;

    private static string Conditions(DeploymentPlan plan) =>
        string.Join(' ', plan.Status.Conditions!.OrderBy(c => c.Type, StringComparer.Ordinal).Select(c => $"{c.Type}={c.Status}/{c.Reason}"));

    private static DeploymentStrategy Rolling(string surge, string unavailable) => new()
    {
        RollingUpdate = new RollingUpdateDeployment { MaxSurge = Json(surge), MaxUnavailable = Json(unavailable) },
    };

    private static JsonElement Json(string value) => JsonDocument.Parse(value.EndsWith('%') ? $"\"{value}\"" : value).RootElement;
}
