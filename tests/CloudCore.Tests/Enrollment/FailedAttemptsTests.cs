using System.Net;
using EdgeSync.CloudCore.Enrollment;

namespace EdgeSync.CloudCore.Tests.Enrollment;

public sealed class FailedAttemptsTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void Thirty_failures_within_a_minute_make_an_address_wait_for_the_rest_of_it()
    {
        var failures = new FailedAttempts(_time);
        Fail(failures, "192.0.2.1", 29);
        Assert.Equal(TimeSpan.Zero, failures.WaitFor(IPAddress.Parse("192.0.2.1")));

        _time.Advance(TimeSpan.FromSeconds(20));
        Fail(failures, "192.0.2.1", 1);

        Assert.Equal(TimeSpan.FromSeconds(40), failures.WaitFor(IPAddress.Parse("192.0.2.1")));
        Assert.Equal(TimeSpan.FromSeconds(40), failures.WaitFor(IPAddress.Parse("::ffff:192.0.2.1")));
        Assert.Equal(TimeSpan.Zero, failures.WaitFor(IPAddress.Parse("192.0.2.2")));
    }

    [Fact]
    public void A_whole_IPv6_network_of_one_customer_counts_as_one_address()
    {
        var failures = new FailedAttempts(_time);
        for (var i = 0; i < 30; i++)
        {
            failures.Add(IPAddress.Parse($"2001:db8::{i:x}"));
        }

        Assert.NotEqual(TimeSpan.Zero, failures.WaitFor(IPAddress.Parse("2001:db8::ffff")));
        Assert.Equal(TimeSpan.Zero, failures.WaitFor(IPAddress.Parse("2001:db8:0:1::1")));
        Assert.Equal(1, failures.Count);
    }

    [Fact]
    public void Memory_is_bounded()
    {
        var failures = new FailedAttempts(_time);
        for (var i = 0; i < 30_000; i++)
        {
            failures.Add(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]));
        }

        Assert.Equal(10_000, failures.Count);
    }

    private static void Fail(FailedAttempts failures, string address, int times)
    {
        for (var i = 0; i < times; i++)
        {
            failures.Add(IPAddress.Parse(address));
        }
    }
}
