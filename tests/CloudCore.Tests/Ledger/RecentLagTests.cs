using EdgeSync.CloudCore.Ledger;

namespace EdgeSync.CloudCore.Tests.Ledger;

public sealed class RecentLagTests
{
    [Fact]
    public void Quantiles_lie_within_the_bucket_of_their_rank()
    {
        var lag = new RecentLag();
        for (var i = 0; i < 98; i++)
        {
            lag.Add(8);
        }

        lag.Add(1_500);
        lag.Add(1_500);

        Assert.InRange(lag.Quantile(0.5)!.Value, 0.005, 0.01);
        Assert.InRange(lag.Quantile(0.99)!.Value, 1, 2);
    }

    [Fact]
    public void A_bad_hour_is_forgotten_after_some_thousand_good_changes()
    {
        var lag = new RecentLag();
        for (var i = 0; i < 900; i++)
        {
            lag.Add(200_000);
        }

        for (var i = 0; i < 20_000; i++)
        {
            lag.Add(1);
        }

        Assert.InRange(lag.Quantile(0.99)!.Value, 0, 0.001);
    }

    [Fact]
    public void Nothing_counted_is_nothing_known_and_a_lag_without_bound_is_the_largest_bound()
    {
        var lag = new RecentLag();
        Assert.Null(lag.Quantile(0.5));
        lag.Add(long.MaxValue);
        Assert.Equal(300, lag.Quantile(0.5));
    }
}
