using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>
/// A moment that has passed for certain, whatever this box's clock says: the latest of when the hub signed the node's
/// certificate and of what an authenticated hub last gave as its time. Certificates are judged by it and not by the clock,
/// which on a box without a battery may say anything:
/// <list type="bullet">
/// <item>one that ended before that moment is refused: an old key that leaked is of no use later;</item>
/// <item>one that is not valid yet by the clock is taken: only the clock can be wrong there, the CA has signed it.</item>
/// </list>
/// A hub's time counts only within the life of the certificate it came under. So the moment never passes the end of a
/// certificate that was good, and every renewed one ends later: a hub with a wrong clock cannot lock a box out for good.
/// </summary>
internal sealed class HubTime(Database database)
{
    /// <summary>Noted no more often than this, to spare flash.</summary>
    private static readonly TimeSpan s_step = TimeSpan.FromHours(6);

    private DateTimeOffset _heard = EdgeDatabase.HubTime(database);

    /// <summary>Why the chain must not be trusted; null where it may.</summary>
    /// <param name="chain">The hub's certificate and its issuers.</param>
    /// <param name="own">The node's certificate, which the same CA signed.</param>
    public string? Problem(IEnumerable<X509Certificate2> chain, X509Certificate2 own)
    {
        DateTimeOffset signed = own.NotBefore.ToUniversalTime();
        var passed = signed > _heard ? signed : _heard;
        return chain.FirstOrDefault(c => c.NotAfter.ToUniversalTime() < passed) is { } ended
            ? string.Create(CultureInfo.InvariantCulture, $"the hub's certificate ({ended.Subject}) ended at {ended.NotAfter.ToUniversalTime():u}; the hub's own clock has been at {passed:u} already")
            : null;
    }

    /// <summary>Takes the time that an authenticated hub gave.</summary>
    /// <param name="hubNow">Its answer's Date.</param>
    /// <param name="certificate">Under which it came.</param>
    /// <param name="cancellationToken">Ends the wait for the disk.</param>
    public async Task HeardAsync(DateTimeOffset hubNow, X509Certificate2 certificate, CancellationToken cancellationToken)
    {
        if (hubNow - _heard >= s_step && hubNow >= certificate.NotBefore.ToUniversalTime() && hubNow <= certificate.NotAfter.ToUniversalTime())
        {
            await EdgeDatabase.SetHubTimeAsync(database, hubNow, cancellationToken);
            _heard = hubNow;
        }
    }
}
