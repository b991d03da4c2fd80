using System.Diagnostics;
using System.Runtime.InteropServices;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.EdgeCore.Tests.EdgeHub;

/// <summary>Cables that are pulled and plugged in again: pairs of interfaces in a network of the test's own.</summary>
public sealed class NetworkWatchTests : IDisposable
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));

    private CancellationToken Ct => _deadline.Token;

    public void Dispose() => _deadline.Dispose();

    [NetworkFact]
    public async Task A_cable_that_is_plugged_in_again_ends_the_pause_though_no_address_changes()
    {
        using var network = await CabledAsync();
        await using var watch = network.Run(() => new NetworkWatch(TimeProvider.System, NullLogger.Instance));
        await QuietAsync(watch);
        var pause = watch.PauseAsync(s_long, Ct);
        await network.IpAsync("link", "set", "far0", "down");
        Assert.False(pause.IsCompleted);
        var clock = Stopwatch.StartNew();
        await network.IpAsync("link", "set", "far0", "up");
        Assert.True(await pause.WaitAsync(s_soon, Ct));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, s_soon);
    }

    [NetworkFact]
    public async Task An_address_and_a_route_end_the_pause_too()
    {
        using var network = await CabledAsync();
        await using var watch = network.Run(() => new NetworkWatch(TimeProvider.System, NullLogger.Instance));
        await QuietAsync(watch);
        var pause = watch.PauseAsync(s_long, Ct);
        await network.IpAsync("addr", "add", "10.99.1.1/24", "dev", "near0");
        Assert.True(await pause.WaitAsync(s_soon, Ct));

        // another one: an address comes with routes of its own, and each piece of news may have taken one of the early ends
        await using var other = network.Run(() => new NetworkWatch(TimeProvider.System, NullLogger.Instance));
        await QuietAsync(other);
        pause = other.PauseAsync(s_long, Ct);
        await network.IpAsync("route", "add", "10.99.7.0/24", "via", "10.99.0.2");
        Assert.True(await pause.WaitAsync(s_soon, Ct));
    }

    [NetworkFact]
    public async Task A_cable_that_flaps_does_not_take_the_waits_away()
    {
        using var network = await CabledAsync();
        await using var watch = network.Run(() => new NetworkWatch(TimeProvider.System, NullLogger.Instance));
        var early = 0;
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 12; i++)
        {
            // the first one ends early for certain, however long the commands take
            var pause = watch.PauseAsync(i == 0 ? s_long : TimeSpan.FromMilliseconds(300), Ct);
            await network.IpAsync("link", "set", "far0", "down");
            await network.IpAsync("link", "set", "far0", "up");
            early += await pause ? 1 : 0;
        }

        Assert.InRange(early, 1, 5 + (int)(clock.Elapsed.TotalSeconds / 15) + 1);
    }

    [NetworkFact]
    public async Task A_try_that_hangs_is_made_anew_when_the_cable_is_in_again()
    {
        using var network = await CabledAsync();
        await using var watch = network.Run(() => new NetworkWatch(TimeProvider.System, NullLogger.Instance));
        await QuietAsync(watch);
        var tries = 0;
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var trying = watch.TryAsync(
            async token =>
            {
                if (++tries == 1)
                {
                    started.SetResult();
                    await Task.Delay(Timeout.InfiniteTimeSpan, token);
                }

                return tries;
            },
            Ct);
        await started.Task.WaitAsync(Ct);
        await network.IpAsync("link", "set", "far0", "down");
        await network.IpAsync("link", "set", "far0", "up");
        Assert.Equal(2, await trying.WaitAsync(s_soon, Ct));
    }

    [NetworkFact]
    public async Task What_fails_by_itself_fails_as_it_does()
    {
        using var network = await CabledAsync();
        await using var watch = network.Run(() => new NetworkWatch(TimeProvider.System, NullLogger.Instance));
        await QuietAsync(watch);
        await Assert.ThrowsAsync<IOException>(() => watch.TryAsync<int>(_ => throw new IOException("refused"), Ct));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var waiting = watch.TryAsync(async token =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return 0;
        }, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public void Only_what_comes_up_counts()
    {
        var links = new LinkStates();
        Assert.False(links.Take(Link(16, 7, up: true, number: NetlinkSocket.QuestionNumber))); // how it was at the start
        Assert.False(links.Take(Link(16, 7, up: true))); // a change of something else
        Assert.False(links.Take(Link(16, 7, up: false)));
        Assert.True(links.Take(Link(16, 7, up: true)));
        Assert.False(links.Take(Link(17, 7, up: true)));
        Assert.True(links.Take(Link(16, 7, up: true)));
        byte[] both = [.. Link(16, 8, up: false), .. Link(16, 9, up: true)];
        Assert.True(links.Take(both));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_comes_is_read_within_its_bounds(int seed)
    {
        var random = new Random(seed);
        var links = new LinkStates();
        for (var i = 0; i < 20_000; i++)
        {
            var datagram = random.Next(3) == 0 ? new byte[random.Next(80)] : Link((ushort)random.Next(14, 30), random.Next(20), random.Next(2) == 0);
            for (var changes = random.Next(6); changes > 0 && datagram.Length > 0; changes--)
            {
                datagram[random.Next(datagram.Length)] = (byte)random.Next(256);
            }

            links.Take(datagram.AsSpan(0, random.Next(datagram.Length + 1)));
        }
    }

    private static byte[] Link(ushort type, int index, bool up, uint number = 0)
    {
        var message = new byte[32];
        MemoryMarshal.Write(message, 32u);
        MemoryMarshal.Write(message.AsSpan(4), type);
        MemoryMarshal.Write(message.AsSpan(8), number);
        MemoryMarshal.Write(message.AsSpan(20), index);
        MemoryMarshal.Write(message.AsSpan(24), up ? 0x10043u : 0x3u);
        return message;
    }

    /// <summary>Until what the kernel told of the test's own preparations is taken.</summary>
    private async Task QuietAsync(NetworkWatch watch)
    {
        while (await watch.PauseAsync(TimeSpan.FromMilliseconds(500), Ct))
        {
            // one more
        }
    }

    private static async Task<NetworkNamespace> CabledAsync()
    {
        var network = new NetworkNamespace();
        try
        {
            await network.IpAsync("link", "add", "near0", "type", "veth", "peer", "name", "far0");

            // no address that comes and goes with the carrier
            await network.IpAsync("link", "set", "near0", "addrgenmode", "none");
            await network.IpAsync("link", "set", "far0", "addrgenmode", "none");
            await network.IpAsync("addr", "add", "10.99.0.1/24", "dev", "near0");
            await network.IpAsync("link", "set", "near0", "up");
            await network.IpAsync("link", "set", "far0", "up");
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class NetworkFactAttribute : FactAttribute
    {
        public NetworkFactAttribute() => Skip = NetworkNamespace.WhyNot();
    }
}
