using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Scheduling;

namespace EdgeSync.CloudCore.Tests.Controllers.Scheduling;

/// <summary>A PodGroup's status, case by case: its pods in, Volcano's words out.</summary>
public sealed class PodGroupStatusTests
{
    // a pod is a letter: w waits and was not looked at, u was refused, b is bound, r runs, s succeeded, f failed, d is on its way out
    [Theory]
    [InlineData("", 2, "Inqueue", null)]
    [InlineData("u", 2, "Pending", "NotEnoughTasks: Not enough valid tasks for gang-scheduling, valid: 1, min: 2")]
    [InlineData("ww", 2, "Inqueue", null)]
    [InlineData("uu", 2, "Pending", "NotEnoughResources: 2/2 tasks in gang unschedulable: pod group is not ready, 2 Pending, 2 minAvailable; Pending: 2 Unschedulable")]
    [InlineData("rduw", 3, "Unknown", "NotEnoughResources: 2/4 tasks in gang unschedulable: pod group is not ready, 1 Releasing, 1 Running, 2 Pending, 3 minAvailable; Pending: 1 Undetermined, 1 Unschedulable")]
    [InlineData("rd", 2, "Unknown", "NotEnoughTasks: Not enough valid tasks for gang-scheduling, valid: 1, min: 2")]
    [InlineData("bb", 2, "Running", "tasks in gang are ready to be scheduled: ")]
    [InlineData("rru", 2, "Running", "tasks in gang are ready to be scheduled: ")]
    [InlineData("rs", 2, "Running", "tasks in gang are ready to be scheduled: ")]
    [InlineData("ss", 2, "Completed", "tasks in gang are ready to be scheduled: ")]
    [InlineData("sf", 2, "Completed", "NotEnoughTasks: Not enough valid tasks for gang-scheduling, valid: 1, min: 2")]
    [InlineData("ssw", 2, "Running", "tasks in gang are ready to be scheduled: ")]
    [InlineData("w", 0, "Inqueue", "tasks in gang are ready to be scheduled: ")]
    public void A_group_is_what_its_pods_are(string pods, int minMember, string phase, string? verdict)
    {
        var status = PodGroupStatus.Decide(new GangRule(minMember, new Dictionary<string, int>()), [.. pods.Select(letter => Pod(letter))], null);
        Assert.Equal((phase, verdict), (status.Phase, status.Verdict is { } said ? $"{said.Reason}: {said.Message}" : null));
        Assert.Equal(status.Verdict?.Reason.StartsWith("Not", StringComparison.Ordinal) == true, status.Verdict?.Type == GangVerdict.Unschedulable);
        Assert.Equal((pods.Count(p => p == 'r'), pods.Count(p => p == 's'), pods.Count(p => p == 'f')), (status.Running, status.Succeeded, status.Failed));
    }

    [Fact]
    public void Each_task_must_have_its_pods()
    {
        var rule = new GangRule(2, new Dictionary<string, int> { ["server"] = 1 });
        Assert.Equal("NotEnoughPodsOfTask", PodGroupStatus.Decide(rule, [Pod('r', "worker"), Pod('r', "worker")], null).Verdict?.Reason);
        Assert.Equal(GangVerdict.Scheduled, PodGroupStatus.Decide(rule, [Pod('r', "worker"), Pod('r', "server")], null).Verdict?.Type);
        // a rule that asks for more of its tasks than in all is passed over, as in Volcano
        var spec = new PodGroupSpec { MinMember = 1, MinTaskMember = new Dictionary<string, int> { ["server"] = 2 } };
        Assert.Equal(GangVerdict.Scheduled, PodGroupStatus.Decide(GangRule.Of(spec), [Pod('r', "worker")], null).Verdict?.Type);
    }

    [Fact]
    public void What_is_completed_stays_so_when_its_pods_are_removed()
    {
        var rule = new GangRule(1, new Dictionary<string, int>());
        Assert.Equal("Completed", PodGroupStatus.Decide(rule, [], "Completed").Phase);
        Assert.Equal("Pending", PodGroupStatus.Decide(rule, [Pod('u')], "Completed").Phase);
    }

    private static PodFacts Pod(char letter, string task = "") => new()
    {
        Name = new NamespacedName("default", "p"),
        Uid = "u",
        Gang = new GangMember("g", task),
        IsUnschedulable = letter == 'u',
        IsBound = letter is not ('w' or 'u'),
        IsDeleting = letter == 'd',
        Phase = letter switch { 'r' or 'd' => "Running", 's' => "Succeeded", 'f' => "Failed", _ => "Pending" },
    };
}
