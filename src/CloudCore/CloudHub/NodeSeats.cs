using System.Diagnostics.CodeAnalysis;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Who holds each node's one seat, and when a newcomer may begin. The newest session holds it at once; it begins when every
/// session before it has left, not only the one that it replaced: that one may itself have been waiting for an older one whose
/// last write is still on its way. No I/O, no clock, no threads (the owner serializes calls).
/// </summary>
/// <typeparam name="TSession">What takes a seat.</typeparam>
internal sealed class NodeSeats<TSession>
    where TSession : class
{
    private readonly Dictionary<string, Seat> _seats = new(StringComparer.Ordinal);

    /// <summary>Nodes with a session.</summary>
    public int Count { get; private set; }

    /// <summary>The newest session of each node.</summary>
    public IEnumerable<TSession> Newest => _seats.Values.Select(s => s.Newest).OfType<TSession>();

    public TSession? Find(string node) => _seats.TryGetValue(node, out var seat) ? seat.Newest : null;

    /// <summary>Takes the seat. Every session that entered must leave, whether it has begun or not.</summary>
    /// <param name="node">The node.</param>
    /// <param name="epoch">The session's number; the greatest wins.</param>
    /// <param name="session">The newcomer.</param>
    /// <param name="previous">The session that it replaced, to be ended.</param>
    /// <returns>False where a newer session was there first.</returns>
    public bool TryEnter(string node, long epoch, TSession session, out TSession? previous)
    {
        var seat = _seats.GetValueOrDefault(node);
        previous = seat.Newest;
        if (seat.Epoch > epoch)
        {
            return false;
        }

        Count += previous is null ? 1 : 0;
        _seats[node] = new Seat(session, epoch, seat.Present + 1);
        return true;
    }

    /// <summary>Whether the session may read from and write for its node: it is the newest, and all others have left.</summary>
    public bool MayBegin(string node, TSession session) =>
        _seats.TryGetValue(node, out var seat) && seat.Newest == session && seat.Present == 1;

    /// <summary>The session can write nothing any more.</summary>
    /// <param name="node">The node.</param>
    /// <param name="session">Who leaves.</param>
    /// <param name="next">The session that may begin now.</param>
    /// <returns>Whether there is one.</returns>
    public bool Leave(string node, TSession session, [NotNullWhen(true)] out TSession? next)
    {
        var seat = _seats[node];
        var newest = seat.Newest == session ? null : seat.Newest;
        Count -= newest is null && seat.Newest is not null ? 1 : 0;
        if (seat.Present == 1)
        {
            _seats.Remove(node);
        }
        else
        {
            _seats[node] = seat with { Newest = newest, Present = seat.Present - 1 };
        }

        next = seat.Present == 2 ? newest : null;
        return next is not null;
    }

    /// <param name="Newest">Null where the newest has left before an older one.</param>
    /// <param name="Epoch">Of the newest that entered.</param>
    /// <param name="Present">Sessions that entered and have not left.</param>
    private readonly record struct Seat(TSession? Newest, long Epoch, int Present);
}
