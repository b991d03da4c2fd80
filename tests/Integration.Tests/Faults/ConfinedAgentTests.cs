using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// An agent that may open no netlink socket, as under systemd's <c>RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX</c>: the kernel tells
/// it nothing about its network.
/// </summary>
public sealed class ConfinedAgentTests(ITestOutputHelper output)
{
    private const string Said = "The kernel tells no changes of links and addresses";

    // the same filter as systemd's, set by prctl(2): socket(AF_NETLINK, …) fails with EAFNOSUPPORT, all else is allowed
    private const string Perl = """
        my ($prctl, $socket, $machine) = `uname -m` =~ /aarch64/ ? (167, 198, 0xC00000B7) : (157, 41, 0xC000003E);
        my @program = ([0x20, 0, 0, 4], [0x15, 0, 5, $machine], [0x20, 0, 0, 0], [0x15, 0, 3, $socket],
                       [0x20, 0, 0, 16], [0x15, 0, 1, 16], [0x06, 0, 0, 0x50000 | 97], [0x06, 0, 0, 0x7fff0000]);
        my $filter = join "", map { pack "SCCL", @$_ } @program;
        my $fprog = pack "S x6 P", scalar @program, $filter;
        syscall($prctl, 22, 2, $fprog) == 0 or die "no seccomp: $!";
        exec @ARGV or die "$ARGV[0]: $!";
        """;

    private static ProgramsPlace WithoutNetlink => new() { Through = ["perl", "-e", Perl] };

    [ConfinedFact]
    public async Task An_agent_that_hears_nothing_of_its_network_says_so_once_and_is_back_after_its_waits()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        world.Edge.Place = WithoutNetlink;
        await world.Edge.JoinAsync(world.Cloud);
        world.Edge.Start();
        await world.NodeIsReadyAsync();
        await world.RunDaemonSetAsync(new TestDaemonSet("app"));

        var connects = Count(world, "Connected to hub");
        await world.Cloud.KillAsync();
        await world.EventuallyAsync("the agent has tried in vain", () => Task.FromResult(Count(world, "cannot be reached") > 0));
        await world.Cloud.StartAsync();
        var took = await world.EventuallyAsync("the node has its session again", () => Task.FromResult(Count(world, "Connected to hub") > connects));
        world.Note($"hub there again to the session: {took.TotalSeconds:0.00} s");

        Assert.Equal(1, Count(world, Said));
        Assert.Equal(1, Count(world, "The kernel tells"));
    }

    [ConfinedFact]
    public async Task An_agent_that_may_not_list_interfaces_starts_without_a_network_too()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        world.Edge.Place = WithoutNetlink;
        await world.Edge.JoinAsync(world.Cloud);
        using var nowhere = new NetworkNamespace();
        world.Edge.Place = WithoutNetlink with { Network = nowhere };
        await nowhere.IpAsync("link", "set", "lo", "up");

        world.Edge.Start();

        await world.EventuallyAsync("the agent tries to reach its hub", () => Task.FromResult(Count(world, "cannot be reached") > 0));
        Assert.True(world.Edge.IsRunning);
        Assert.Equal(1, Count(world, Said));
    }

    private static int Count(EdgeWorld world, string text)
    {
        using var reader = new StreamReader(new FileStream(world.Edge.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split(text).Length - 1;
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class ConfinedFactAttribute : FactAttribute
    {
        public ConfinedFactAttribute() =>
            Skip = FaultFactAttribute.WhyNot() ?? (ProgramsCommand.Exists("perl") ? null : "perl is not installed: it sets the filter");
    }
}
