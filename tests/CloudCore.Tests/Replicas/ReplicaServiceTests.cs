using EdgeSync.CloudCore.Replicas;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Replicas;

/// <summary>What a replica does when the API is away, in simulated time.</summary>
public sealed class ReplicaServiceTests : IDisposable
{
    private readonly SimulatedWorld _world = new();
    private readonly LeaseApi.Link _link;
    private readonly ReplicaService _service;
    private int _ended;

    public ReplicaServiceTests()
    {
        var clock = _world.NewClock();
        _link = new LeaseApi().Connect(clock);
        var options = new LeaderElectionOptions { Namespace = "kubeedge", Name = "cloudcore", Identity = "a" };
        var election = new LeaderElection(_link.Client, options, clock, NullLogger<LeaderElection>.Instance);
        _service = new ReplicaService(election, options, _ => Interlocked.Increment(ref _ended), clock, NullLogger<ReplicaService>.Instance);

        // the look at the silence, and the election's: a leader has its deadline and its next renewal, others their next try
        _world.IsAtRest = () => _world.WaitsOf(clock) >= (election.IsLeader ? 3 : 2);
        SimulatedWorld.Do(() => _service.StartAsync(CancellationToken.None));
    }

    public void Dispose()
    {
        _service.Dispose();
        _link.Dispose();
    }

    [Theory]
    [InlineData((int)ApiFault.Refused)]
    [InlineData((int)ApiFault.Silent)]
    public void Sessions_end_once_when_the_API_has_been_away_for_a_minute_and_a_half(int fault)
    {
        _world.Run(TimeSpan.FromMinutes(5));
        Assert.Equal(0, _ended);

        _link.Fault = (ApiFault)fault;
        _world.Run(TimeSpan.FromSeconds(87)); // it answered up to two seconds ago
        Assert.Equal(0, _ended);
        _world.Run(TimeSpan.FromSeconds(6));
        Ended(1);
        _world.Run(TimeSpan.FromMinutes(10));
        Ended(1);

        // whoever comes after it is back stays, until it is away again
        _link.Fault = ApiFault.None;
        _world.Run(TimeSpan.FromMinutes(5));
        Ended(1);
        _link.Fault = (ApiFault)fault;
        _world.Run(TimeSpan.FromMinutes(2));
        Ended(2);
    }

    [Fact]
    public void An_API_that_is_away_for_less_costs_no_session()
    {
        for (var i = 0; i < 5; i++)
        {
            _world.Run(TimeSpan.FromSeconds(30));
            _link.Fault = ApiFault.Refused;
            _world.Run(TimeSpan.FromSeconds(80));
            _link.Fault = ApiFault.None;
        }

        _world.Run(TimeSpan.FromMinutes(1));
        Assert.Equal(0, _ended);
    }

    // the look may go on by the thread pool, and time stands still meanwhile
    private void Ended(int times)
    {
        SpinWait.SpinUntil(() => Volatile.Read(ref _ended) >= times, TimeSpan.FromSeconds(30));
        Assert.Equal(times, _ended);
    }
}
