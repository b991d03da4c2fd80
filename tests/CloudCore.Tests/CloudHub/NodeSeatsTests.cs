using EdgeSync.CloudCore.CloudHub;

namespace EdgeSync.CloudCore.Tests.CloudHub;

public sealed class NodeSeatsTests
{
    private readonly NodeSeats<string> _seats = new();

    [Fact]
    public void A_newer_session_takes_the_seat_and_begins_when_the_older_one_has_left()
    {
        Assert.True(_seats.TryEnter("n", 1, "a", out var none));
        Assert.Null(none);
        Assert.True(_seats.MayBegin("n", "a"));

        Assert.True(_seats.TryEnter("n", 2, "b", out var previous));
        Assert.Equal("a", previous);
        Assert.Equal("b", _seats.Find("n"));
        Assert.False(_seats.MayBegin("n", "b"));

        Assert.True(_seats.Leave("n", "a", out var next));
        Assert.Equal("b", next);
        Assert.True(_seats.MayBegin("n", "b"));
        Assert.Equal(1, _seats.Count);
    }

    [Fact]
    public void A_session_that_gave_up_waiting_lets_no_later_one_past_the_oldest()
    {
        _seats.TryEnter("n", 1, "a", out _);
        _seats.TryEnter("n", 2, "b", out _);

        // b's peer went away while a's last write was on its way
        Assert.False(_seats.Leave("n", "b", out _));
        Assert.Equal(0, _seats.Count);
        Assert.True(_seats.TryEnter("n", 3, "c", out var previous));
        Assert.Null(previous);
        Assert.False(_seats.MayBegin("n", "c"));

        Assert.True(_seats.Leave("n", "a", out var next));
        Assert.Equal("c", next);
    }

    [Fact]
    public void An_older_session_is_turned_away()
    {
        _seats.TryEnter("n", 2, "b", out _);
        Assert.False(_seats.TryEnter("n", 1, "a", out _));
        Assert.Equal("b", _seats.Find("n"));
        Assert.False(_seats.Leave("n", "b", out _));
        Assert.Empty(_seats.Newest);
    }
}
