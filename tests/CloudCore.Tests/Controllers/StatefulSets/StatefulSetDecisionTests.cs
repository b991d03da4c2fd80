using System.Text.Json;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.StatefulSets;

namespace EdgeSync.CloudCore.Tests.Controllers.StatefulSets;

/// <summary>The StatefulSet controller's decisions, case by case.</summary>
public sealed class StatefulSetDecisionTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly List<PodFacts> _pods = [];
    private StatefulSetSpec _spec = new() { Replicas = 3 };
    private StatefulSetStatus? _status;

    [Fact]
    public void Ordered_pods_are_made_one_after_the_other()
    {
        Assert.Equal("make 0@new", Decide());
        Pod(0, ready: false);
        Assert.Equal("", Decide());
        _pods.Clear();
        Pod(0);
        Assert.Equal("make 1@new", Decide());
        Pod(1);
        Pod(2);
        Assert.Equal("", Decide());
    }

    [Fact]
    public void A_gap_is_filled_before_anything_else()
    {
        Pod(0);
        Pod(2, revision: "old");
        Assert.Equal("make 1@new", Decide());
    }

    [Fact]
    public void Parallel_pods_are_made_and_go_at_once()
    {
        _spec = _spec with { PodManagementPolicy = "Parallel" };
        Pod(0, ready: false);
        Assert.Equal("make 1@new make 2@new", Decide());
        Pod(1, ready: false);
        _spec = _spec with { Replicas = 0 };
        Assert.Equal("delete 1 delete 0", Decide());
    }

    [Fact]
    public void Ordered_pods_go_from_the_highest_on_and_one_at_a_time()
    {
        _spec = _spec with { Replicas = 1 };
        Pod(0);
        Pod(1);
        Pod(2);
        Assert.Equal("delete 2", Decide());
        _pods[2] = _pods[2] with { IsDeleting = true };
        Assert.Equal("", Decide());
    }

    [Fact]
    public void One_that_is_not_ready_holds_up_those_that_go_unless_it_is_the_one()
    {
        _spec = _spec with { Replicas = 1 };
        Pod(0);
        Pod(1, ready: false);
        Pod(2, ready: false);
        Assert.Equal("", Decide());
        _pods[1] = _pods[1] with { IsReady = true };
        Assert.Equal("delete 2", Decide());
    }

    [Fact]
    public void An_update_begins_at_the_highest_and_waits_for_each()
    {
        _status = new StatefulSetStatus { CurrentRevision = "s-old" };
        Pod(0, revision: "old");
        Pod(1, revision: "old");
        Pod(2, revision: "old");
        Assert.Equal("delete 2", Decide());
        _pods[2] = New(2, ready: false);
        Assert.Equal("", Decide());
        _pods[2] = New(2);
        Assert.Equal("delete 1", Decide());
    }

    [Fact]
    public void Below_the_partition_nothing_is_updated_and_what_is_missing_is_made_as_it_was()
    {
        _spec = _spec with { UpdateStrategy = Rolling(partition: 2) };
        _status = new StatefulSetStatus { CurrentRevision = "s-old" };
        Pod(1, revision: "old");
        Pod(2);
        Assert.Equal("make 0@old", Decide());
        Pod(0, revision: "old");
        Assert.Equal("", Decide());
    }

    [Theory]
    [InlineData("2", 0, "delete 4 delete 3")]
    [InlineData("2", 1, "delete 4")] // one is missing already
    [InlineData("\"40%\"", 0, "delete 4 delete 3")]
    [InlineData("\"10%\"", 0, "delete 4")] // at least one
    public void As_many_as_may_be_missing_are_updated_at_once(string limit, int unready, string expected)
    {
        _spec = _spec with { Replicas = 5, PodManagementPolicy = "Parallel", UpdateStrategy = Rolling(limit) };
        _status = new StatefulSetStatus { CurrentRevision = "s-old" };
        for (var i = 0; i < 5; i++)
        {
            Pod(i, revision: "old", ready: i >= unready);
        }

        Assert.Equal(expected, Decide());
    }

    [Fact]
    public void On_delete_updates_nothing_by_itself()
    {
        _spec = _spec with { UpdateStrategy = new StatefulSetUpdateStrategy { Type = "OnDelete" } };
        _status = new StatefulSetStatus { CurrentRevision = "s-old" };
        Pod(0, revision: "old");
        Pod(1, revision: "old");
        Assert.Equal("make 2@new", Decide());
        Pod(2);
        Assert.Equal("", Decide());
    }

    [Theory]
    [InlineData("Failed")]
    [InlineData("Succeeded")]
    public void A_pod_that_ended_is_made_again(string phase)
    {
        Pod(0);
        Pod(1);
        _pods[1] = _pods[1] with { Phase = phase, IsReady = false };
        Assert.Equal("delete 1", Decide());
    }

    [Fact]
    public void Ready_counts_as_available_after_its_time_and_the_next_waits_for_that()
    {
        _spec = _spec with { MinReadySeconds = 30 };
        Pod(0);
        _pods[0] = _pods[0] with { ReadySince = s_now.AddSeconds(-20) };
        var plan = Plan();
        Assert.Empty(plan.Create);
        Assert.Equal(TimeSpan.FromSeconds(10), plan.LookAgainAfter);
        Assert.Equal((1, 0), (plan.Status.ReadyReplicas, plan.Status.AvailableReplicas));
    }

    [Fact]
    public void The_current_revision_moves_when_all_are_updated_and_ready()
    {
        _status = new StatefulSetStatus { CurrentRevision = "s-old" };
        Pod(0);
        Pod(1);
        Pod(2, ready: false);
        Assert.Equal(("s-old", 0, 3), (Plan().Status.CurrentRevision, Plan().Status.CurrentReplicas, Plan().Status.UpdatedReplicas));
        _pods[2] = New(2);
        Assert.Equal(("s-new", 3, 3), (Plan().Status.CurrentRevision, Plan().Status.CurrentReplicas, Plan().Status.UpdatedReplicas));
    }

    [Fact]
    public void Ordinals_may_begin_elsewhere()
    {
        _spec = _spec with { Replicas = 2, Ordinals = new StatefulSetOrdinals { Start = 5 } };
        Pod(5);
        Pod(0);
        Assert.Equal("make 6@new", Decide());
        Pod(6);
        Assert.Equal("delete 0", Decide());
    }

    [Theory]
    [InlineData("s-0", 0)]
    [InlineData("s-12", 12)]
    [InlineData("s-01", null)]
    [InlineData("s--1", null)]
    [InlineData("s-", null)]
    [InlineData("s-x", null)]
    [InlineData("t-1", null)]
    public void The_ordinal_is_the_number_at_the_end(string pod, int? expected) => Assert.Equal(expected, StatefulSetDecision.OrdinalOf("s", pod));

    private static StatefulSetUpdateStrategy Rolling(string? limit = null, int partition = 0) => new()
    {
        Type = "RollingUpdate",
        RollingUpdate = new RollingUpdateStatefulSet { Partition = partition, MaxUnavailable = limit is null ? null : JsonDocument.Parse(limit).RootElement },
    };

    private static PodFacts New(int ordinal, string revision = "new", bool ready = true) => new()
    {
        Name = new NamespacedName("default", $"s-{ordinal}"),
        Uid = $"uid-{ordinal}",
        Phase = "Running",
        IsReady = ready,
        ReadySince = s_now.AddHours(-1),
        Labels = new Dictionary<string, string> { ["controller-revision-hash"] = $"s-{revision}" },
    };

    private void Pod(int ordinal, string revision = "new", bool ready = true) => _pods.Add(New(ordinal, revision, ready));

    private StatefulSetPlan Plan() => StatefulSetDecision.Decide(new StatefulSetState
    {
        Name = "s",
        Set = new StatefulSet { Spec = _spec, Status = _status },
        Pods = _pods,
        UpdateRevision = "s-new",
        Now = s_now,
    });

    private string Decide()
    {
        var plan = Plan();
        return string.Join(' ', plan.Create.Select(place => $"make {place.Ordinal}@{place.Revision[2..]}").Concat(plan.Delete.Select(pod => $"delete {pod.Name.Name[2..]}")));
    }
}
