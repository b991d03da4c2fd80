using EdgeSync.CloudCore.Replicas;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Replicas;

/// <summary>Leader election in simulated time: who leads, and that never two do, whatever the API and the clocks do.</summary>
public sealed class LeaderElectionTests : IDisposable
{
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(15);

    // the lease, the longest pauses of one that waits (2 s, and 1.2 times as much again) before it sees the last renewal and after the lease's end, and
    // one try that hangs
    private static readonly TimeSpan s_takeover = s_lease + (2 * TimeSpan.FromSeconds(4.4)) + TimeSpan.FromSeconds(5);

    private readonly SimulatedWorld _world = new();
    private readonly LeaseApi _api = new();
    private readonly List<Replica> _replicas = [];
    private readonly List<Replica> _all = []; // those that died or stopped too

    public LeaderElectionTests() => _world.IsAtRest = () => _all.TrueForAll(r => r.IsAtRest);

    public void Dispose() => _all.ForEach(r => r.Dispose());

    [Fact]
    public void The_first_leads_and_the_others_wait_for_as_long_as_it_renews()
    {
        var first = Join("a");
        Assert.True(_world.RunUntil(() => first.Works, TimeSpan.FromSeconds(1)));
        Join("b");
        Join("c");
        Run(TimeSpan.FromHours(1));
        Assert.True(first.Works);
        Assert.Equal((1, 0), (first.Election.Terms, _api.Transitions));
        Assert.All(_replicas, r => Assert.Equal("a", r.Election.Leader));
    }

    [Fact]
    public void One_that_dies_is_followed_within_the_lease_and_its_successor_counts_as_a_transition()
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b");
        Run(TimeSpan.FromMinutes(1));
        var dead = _world.Now;
        first.Die();
        Run(TimeSpan.FromSeconds(12));
        Assert.False(second.Works, "the lease of the dead one lasts");
        Assert.True(_world.RunUntil(() => second.Works, s_takeover), "nobody follows");
        Assert.InRange(_world.Now - dead, s_lease - TimeSpan.FromSeconds(2), s_takeover);
        Assert.Equal(("b", 1), (_api.Holder, _api.Transitions));
    }

    [Fact]
    public void One_that_stops_ends_its_work_and_then_gives_the_lease_back_and_is_followed_at_once()
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b");
        Run(TimeSpan.FromMinutes(1));
        first.WorkEndsAfter = TimeSpan.FromSeconds(3);
        first.Stop();
        Run(TimeSpan.FromSeconds(2.5));
        Assert.Equal("a", _api.Holder); // its work has not ended
        Assert.True(_world.RunUntil(() => first.HasEnded, TimeSpan.FromSeconds(10)));
        Assert.NotEqual("a", _api.Holder);
        Assert.True(_world.RunUntil(() => second.Works, TimeSpan.FromSeconds(9)), "nobody follows");
    }

    [Theory]
    [InlineData((int)ApiFault.Refused)]
    [InlineData((int)ApiFault.Silent)]
    public void A_leader_that_the_API_does_not_answer_has_stopped_at_its_deadline_and_before_another_begins(int fault)
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b");
        Run(TimeSpan.FromMinutes(1));
        var cut = _world.Now;
        first.Link.Fault = (ApiFault)fault;
        Assert.True(_world.RunUntil(() => !first.Works, TimeSpan.FromMinutes(1)));
        Assert.InRange(_world.Now - cut, TimeSpan.FromSeconds(7.9), TimeSpan.FromSeconds(10.1)); // renewed up to 2 s before
        Assert.False(second.Works);
        Assert.True(_world.RunUntil(() => second.Works, s_takeover));
        Assert.True(first.Election.ApiSilence > TimeSpan.FromSeconds(10));

        first.Link.Fault = ApiFault.None;
        Run(TimeSpan.FromMinutes(5));
        Assert.False(first.Works);
        Assert.Equal("b", first.Election.Leader);
        Assert.True(first.Election.ApiSilence < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void An_API_that_is_away_for_all_for_a_minute_has_one_leader_again_afterwards()
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b");
        Run(TimeSpan.FromMinutes(1));
        first.Link.Fault = second.Link.Fault = ApiFault.Refused;
        Run(TimeSpan.FromMinutes(1));
        Assert.False(first.Works || second.Works);
        first.Link.Fault = second.Link.Fault = ApiFault.None;
        Run(TimeSpan.FromMinutes(1));
        Assert.True(first.Works != second.Works);
    }

    [Fact]
    public void Answers_that_are_lost_stop_a_leader_and_never_make_two()
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b");
        Run(TimeSpan.FromMinutes(1));

        // its renewals arrive, so nobody may follow; that they do, it cannot know
        first.Link.Fault = ApiFault.AnswerLost;
        Run(TimeSpan.FromSeconds(11));
        Assert.False(first.Works);
        Run(TimeSpan.FromSeconds(30));
        first.Link.Fault = ApiFault.None;
        Run(TimeSpan.FromMinutes(1));
        Assert.True(first.Works != second.Works);
    }

    [Fact]
    public void Clocks_that_are_hours_apart_change_nothing()
    {
        var first = Join("a", TimeSpan.FromHours(-5));
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b", TimeSpan.FromHours(7));
        Run(TimeSpan.FromHours(1));
        Assert.True(first.Works);
        first.Die();
        Assert.True(_world.RunUntil(() => second.Works, s_takeover));
    }

    [Fact]
    public void A_lease_that_somebody_deletes_is_made_again_by_one_of_them()
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        var second = Join("b");
        Run(TimeSpan.FromMinutes(1));
        _api.Delete();
        _world.Run(TimeSpan.FromSeconds(5)); // until the leader's next renewal a deleted lease protects nobody, client-go's neither
        Run(TimeSpan.FromMinutes(1));
        Assert.True(first.Works != second.Works);
        Assert.Equal(first.Works ? "a" : "b", _api.Holder);
    }

    [Fact]
    public void A_work_that_fails_fails_the_election_with_it()
    {
        var first = Join("a");
        Run(TimeSpan.FromSeconds(1));
        first.Fail(new InvalidOperationException("broken"));
        Run(TimeSpan.FromSeconds(1));
        SpinWait.SpinUntil(() => first.HasEnded, TimeSpan.FromSeconds(30)); // by the thread pool, and time stands still meanwhile
        Assert.IsType<InvalidOperationException>(first.Running.Exception?.GetBaseException());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void In_hours_of_faults_never_do_two_work_and_there_is_always_one_again(int seed)
    {
        var random = new Random(seed);
        var skew = TimeSpan.FromMinutes(random.Next(-600, 600));
        for (var i = 0; i < 3; i++)
        {
            Join("start" + i, skew * i);
        }

        for (var i = 0; i < 600; i++)
        {
            var chosen = _replicas[random.Next(_replicas.Count)];
            switch (random.Next(5))
            {
                case 0 or 1:
                    chosen.Link.Fault = (ApiFault)random.Next(1, 4);
                    break;
                case 2 or 3:
                    chosen.Link.Fault = ApiFault.None;
                    break;
                case 4:
                    (random.Next(2) == 0 ? (Action)chosen.Die : chosen.Stop)();
                    _replicas.Remove(chosen);
                    Join("later" + i, TimeSpan.FromMinutes(random.Next(-600, 600)));
                    break;
            }

            Run(TimeSpan.FromSeconds(random.Next(1, 90)));
        }

        _replicas.ForEach(r => r.Link.Fault = ApiFault.None);
        Run(TimeSpan.FromMinutes(2));
        Assert.True(_world.RunUntil(() => _replicas.Count(r => r.Works) == 1, TimeSpan.FromMinutes(5)), "nobody leads");
    }

    /// <summary>Time passes, and at no moment of it do two work.</summary>
    private void Run(TimeSpan span) => _world.Run(span, () =>
    {
        // time stands still meanwhile, so two that really work go on working
        if (_working > 1 && !SpinWait.SpinUntil(() => _working <= 1, TimeSpan.FromSeconds(30)))
        {
            Assert.Fail($"{_working} work at once, {_world.Now} after the start");
        }
    });

    private volatile int _working;

    private Replica Join(string identity, TimeSpan clockOffset = default)
    {
        var replica = new Replica(this, identity, clockOffset);
        _replicas.Add(replica);
        _all.Add(replica);
        return replica;
    }

    /// <summary>One process: its clock, its way to the API, and the work that one at a time may do.</summary>
    private sealed class Replica : IDisposable
    {
        private readonly LeaderElectionTests _test;
        private readonly TimeProvider _clock;
        private readonly CancellationTokenSource _stop = new();
        private readonly TaskCompletionSource _failure = new();
        private bool _isDead;
        private int _works; // 1 while it does

        public Replica(LeaderElectionTests test, string identity, TimeSpan clockOffset)
        {
            _test = test;
            _clock = test._world.NewClock(clockOffset);
            Link = test._api.Connect(_clock);
            var options = new LeaderElectionOptions { Namespace = "kubeedge", Name = "cloudcore", Identity = identity };
            Election = new LeaderElection(Link.Client, options, _clock, NullLogger<LeaderElection>.Instance);
            Running = SimulatedWorld.Do(() => Election.RunAsync(WorkAsync, _stop.Token));
        }

        public LeaseApi.Link Link { get; }

        public LeaderElection Election { get; }

        public Task Running { get; }

        public bool Works => Volatile.Read(ref _works) == 1;

        public bool HasEnded => Running.IsCompleted;

        /// <summary>How long the work needs to end once it is told to.</summary>
        public TimeSpan WorkEndsAfter { get; set; }

        public void Stop() => SimulatedWorld.Do(() =>
        {
            _stop.Cancel();
            return 0;
        });

        public void Fail(Exception failure) => SimulatedWorld.Do(() => _failure.TrySetException(failure));

        public void Dispose()
        {
            _stop.Dispose();
            Link.Dispose();
        }

        /// <summary>kill -9: it does nothing any more, and its requests go nowhere.</summary>
        public void Die()
        {
            _isDead = true;
            Link.Fault = ApiFault.Silent;
            Stop();
            End();
        }

        // a leader has its deadline and its next renewal, others their next try; who stops may wait for its work
        public bool IsAtRest => Running.IsCompleted || _test._world.WaitsOf(_clock) >= (Election.IsLeader ? 2 : 1);

        private async Task WorkAsync(CancellationToken term)
        {
            if (_isDead)
            {
                return;
            }

            Volatile.Write(ref _works, 1);
            Interlocked.Increment(ref _test._working);

            // told to end at once: what takes longer than this is the work's own, as a request that is on its way
            using var told = term.Register(End);
            try
            {
                await Task.WhenAny(Task.Delay(Timeout.InfiniteTimeSpan, _clock, term), _failure.Task);
                if (_failure.Task.IsFaulted)
                {
                    await _failure.Task;
                }

                if (WorkEndsAfter > TimeSpan.Zero)
                {
                    await Task.Delay(WorkEndsAfter, _clock, CancellationToken.None);
                }
            }
            finally
            {
                // the delay above may go on, on another thread, before that one has come to tell
                End();
            }
        }

        private void End()
        {
            if (Interlocked.Exchange(ref _works, 0) == 1)
            {
                Interlocked.Decrement(ref _test._working);
            }
        }
    }
}
