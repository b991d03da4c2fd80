using EdgeSync.CloudCore.Ledger;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Tests.Ledger;

/// <summary>The one line that says where an object is stuck.</summary>
public sealed class ReasonTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ObjectKey s_key = new("default", ResourceTypes.Pod, "p");

    [Fact]
    public void A_node_that_is_away_is_named_with_its_silence_and_what_is_pending()
    {
        var row = new NodeRow { Node = "edge-7", LastHeard = s_now - new TimeSpan(3, 12, 5), PendingObjects = 14 };

        Assert.Equal("node edge-7 last heard 3 h 12 m ago; 14 objects pending", LinkReasons.Away(row, 20, s_now));
        Assert.Equal(
            "node edge-7 last heard 3 h 12 m ago; it should hold 20 objects, and what it holds is known when it connects",
            LinkReasons.Away(row with { PendingObjects = null }, 20, s_now));
        Assert.StartsWith("node new has never been heard", LinkReasons.Away(new NodeRow { Node = "new" }, 1, s_now), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, null, "waits behind 3 objects in the window and 2 in the queue")]
    [InlineData(1, 200, null, "sent 0.2 s ago, on its way")]
    [InlineData(3, 20_000, null, "sent 3 times in 20 s, and the node has not acknowledged it")]
    [InlineData(1, 200, "disk\nfull", "the node answers: disk full")]
    public void A_pending_object_says_what_it_waits_for(int attempts, int sentMsAgo, string? error, string expected)
    {
        var facts = new ObjectFacts
        {
            Key = s_key,
            IsPending = true,
            InWindow = 3,
            QueuedBefore = 2,
            Attempts = attempts,
            SentAt = attempts == 0 ? null : s_now.ToUnixTimeMilliseconds() - sentMsAgo,
            LastError = error,
        };

        Assert.Equal(expected, LinkReasons.Connected(facts, isOpen: true, s_now));
        Assert.Null(LinkReasons.Connected(facts with { IsPending = false }, isOpen: true, s_now));
        Assert.Contains("has not yet said", LinkReasons.Connected(facts, isOpen: false, s_now)!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ImagePullBackOff", "no such host", "image cannot be pulled: no such host")]
    [InlineData("CrashLoopBackOff", null, "container c ends again and again (4 restarts, last exit code 3)")]
    [InlineData("ContainerCreating", "configmap \"x\" not found", "container c waits, ContainerCreating: configmap \"x\" not found")]
    public void A_waiting_container_is_explained_by_its_status(string reason, string? message, string expected)
    {
        var pod = Pod(new ContainerStatus
        {
            Name = "c",
            RestartCount = 4,
            State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = reason, Message = message } },
            LastState = new ContainerState { Terminated = new ContainerStateTerminated { ExitCode = 3 } },
        });

        Assert.Equal(expected, PodReasons.Read(pod, "uid").Reason);
    }

    [Fact]
    public void A_pod_that_runs_needs_no_reason_and_one_without_status_has_none_yet()
    {
        var (applied, running, reason) = PodReasons.Read(
            Pod(new ContainerStatus
            {
                Name = "c",
                Ready = true,
                State = new ContainerState { Running = new ContainerStateRunning { StartedAt = "2026-01-01T11:00:00Z" } },
            }),
            "uid");

        Assert.Null(reason);
        Assert.NotNull(applied.At);
        Assert.Equal(s_now - TimeSpan.FromHours(1), running.At);
        Assert.Equal("the node has reported no status", PodReasons.Read(new Pod(), "uid").Applied.Detail);
    }

    [Theory]
    [InlineData(0.26, "0.3 s")]
    [InlineData(45.7, "45 s")]
    [InlineData(192, "3 m 12 s")]
    [InlineData(11_525, "3 h 12 m")]
    [InlineData(190_000, "2 d 4 h")]
    [InlineData(-5, "0 s")]
    public void Durations_have_their_two_largest_units(double seconds, string expected) =>
        Assert.Equal(expected, Ago.Text(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void An_outage_says_what_is_not_known()
    {
        var ended = new EndedOutage(
            new NodeRecord("edge-1", new LedgerTotals()), new Outage(s_now - TimeSpan.FromMinutes(5), s_now, new Dictionary<string, int>()), 3, null, s_now);

        Assert.Equal(
            "the link was down for 5 m 0 s (since 2026-01-01T11:55:00Z): 3 updates applied, superseded ones not known, this hub did not have the node before, "
            + "lost ones not known, the agent did not say, 0 pods restarted meanwhile",
            OutageReporter.Describe(ended, null, 0));
    }

    [Fact]
    public void Only_pods_that_were_there_before_count_as_restarted() => Assert.Equal(1, PodRestarts.Restarted(
        new Dictionary<string, int> { ["same"] = 2, ["more"] = 2, ["gone"] = 1 },
        new Dictionary<string, int> { ["same"] = 2, ["more"] = 5, ["new"] = 7 }));

    private static Pod Pod(ContainerStatus container) => new()
    {
        Status = new PodStatus { Phase = "Running", StartTime = "2026-01-01T10:00:00Z", ContainerStatuses = [container] },
    };
}
