using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>A hub that has proven to be the token's, ready to be asked for a certificate.</summary>
/// <param name="Client">Trusts the hub's CA only.</param>
/// <param name="FetchedAuthority">Where enrollment answers, and the CA certificate.</param>
/// <param name="Token">Well-formed and not expired.</param>
/// <param name="Now">The time to judge certificates by: the hub's, where this box's clock is off.</param>
internal sealed record VerifiedHub(EnrollmentClient Client, FetchedAuthority FetchedAuthority, JoinToken Token, DateTimeOffset Now);

/// <summary>Checks of token, hub, CA, clock and name: each for itself, so that one call shows everything that is wrong.</summary>
internal sealed class HubChecks(JoinWish wish, TimeProvider time) : IDisposable
{
    private const string NewToken = "make a new one on the hub: cloudcore gettoken --data-dir DIR";

    // below this, certificates and tokens are judged alike by both clocks
    private static readonly TimeSpan s_toleratedSkew = TimeSpan.FromMinutes(5);

    private readonly List<CheckResult> _results = [];
    private readonly EnrollmentClient _client = new();

    public IReadOnlyList<CheckResult> Results => _results;

    /// <summary>Null unless all that joining needs was in order.</summary>
    public async Task<VerifiedHub?> RunAsync(string tokenText, CancellationToken cancellationToken)
    {
        var token = ReadToken(tokenText);
        var fetched = await FetchAsync(cancellationToken);
        using var authority = CheckAuthority(token, fetched);
        var now = CheckClock(fetched, believed: authority is not null);
        CheckExpiry(token, now);
        if (authority is null)
        {
            _results.Add(CheckResult.Skipped("node name", "not asked: there is no hub that can be trusted"));
            return null;
        }

        _client.Pin(fetched!.Server, authority, now);
        await CheckNameAsync(cancellationToken);
        return _results.Any(r => r.Outcome == CheckOutcome.Failed) ? null : new VerifiedHub(_client, fetched, token!, now);
    }

    public void Dispose() => _client.Dispose();

    private JoinToken? ReadToken(string text)
    {
        if (!JoinToken.TryParse(text, out var token, out var problem))
        {
            _results.Add(CheckResult.Failed("token", $"the token is malformed: {problem}", $"copy it whole, or {NewToken}"));
        }

        return token;
    }

    private async Task<FetchedAuthority?> FetchAsync(CancellationToken cancellationToken)
    {
        try
        {
            var fetched = await EnrollmentClient.FetchAuthorityAsync(wish.Hub, wish.CertPort, cancellationToken);
            _results.Add(CheckResult.Ok("hub", $"{fetched.Server} answers"));
            return fetched;
        }
        catch (EnrollmentException e)
        {
            _results.Add(CheckResult.Failed("hub", e.Message, e.Mend));
            return null;
        }
    }

    private X509Certificate2? CheckAuthority(JoinToken? token, FetchedAuthority? fetched)
    {
        const string name = "hub identity";
        if (token is null || fetched is null)
        {
            _results.Add(CheckResult.Skipped(name, "needs a token and a hub"));
            return null;
        }

        if (!token.IsOf(fetched.Certificate))
        {
            _results.Add(CheckResult.Failed(
                name,
                $"{fetched.Server} is not the hub that the token names: its CA has the hash {JoinToken.HashOf(fetched.Certificate)[..16]}…, the token says {token.CaHash[..16]}…. Nothing was sent to it",
                "either the token is another hub's, or somebody stands between this box and the hub"));
            return null;
        }

        try
        {
            var authority = X509CertificateLoader.LoadCertificate(fetched.Certificate);
            _results.Add(CheckResult.Ok(name, "its CA is the one that the token names"));
            return authority;
        }
        catch (CryptographicException e)
        {
            _results.Add(CheckResult.Failed(name, $"the hub's CA certificate cannot be read: {e.Message}", "see the hub's tlsCAFile"));
            return null;
        }
    }

    /// <summary>The time to go by. An unproven server's clock is shown, and not gone by.</summary>
    private DateTimeOffset CheckClock(FetchedAuthority? fetched, bool believed)
    {
        const string name = "clock";
        var local = time.GetUtcNow();
        if (fetched?.HubTime is not { } hubTime)
        {
            _results.Add(CheckResult.Skipped(name, "the hub's time is not known"));
            return local;
        }

        var skew = local - hubTime;
        if (skew.Duration() <= s_toleratedSkew)
        {
            _results.Add(CheckResult.Ok(name, $"{skew.Duration().TotalSeconds:0} s from the hub's"));
            return local;
        }

        _results.Add(CheckResult.Warning(
            name,
            $"this box says {Format(local)}, the hub {Format(hubTime)}: {Describe(skew)}",
            $"set the clock (timedatectl set-ntp true); until then certificates may look expired or not yet valid to the agent.{(believed ? " Joining goes by the hub's time" : "")}"));
        return believed ? hubTime : local;
    }

    private void CheckExpiry(JoinToken? token, DateTimeOffset now)
    {
        if (token is null)
        {
            return;
        }

        _results.Insert(0, token.IsExpired(now)
            ? CheckResult.Failed("token", $"the token expired at {Format(token.Expires)}; it is {Format(now)} now", NewToken)
            : CheckResult.Ok("token", $"well-formed, and good until {Format(token.Expires)}"));
    }

    private async Task CheckNameAsync(CancellationToken cancellationToken)
    {
        const string name = "node name";
        try
        {
            _results.Add(await _client.FindNodeAsync(wish.NodeName, cancellationToken) switch
            {
                NameState.Free => CheckResult.Ok(name, $"{wish.NodeName} is free"),
                NameState.Away => CheckResult.Warning(name, $"{wish.NodeName} is known to the hub, and away: this box takes its place", $"if that is another box, choose another --node-name"),
                _ => CheckResult.Failed(name, $"a node {wish.NodeName} is there already", $"choose another --node-name, or, if this is the same box after a reset: kubectl delete node {wish.NodeName}"),
            });
        }
        catch (EnrollmentException e)
        {
            _results.Add(CheckResult.Failed(name, e.Message, e.Mend));
        }
    }

    private static string Describe(TimeSpan skew)
    {
        var size = skew.Duration();
        var text = size.TotalDays >= 2 ? $"{size.TotalDays:0} days" : size.TotalHours >= 2 ? $"{size.TotalHours:0} hours" : $"{size.TotalMinutes:0} minutes";
        return $"{text} {(skew > TimeSpan.Zero ? "ahead" : "behind")}";
    }

    private static string Format(DateTimeOffset t) =>
        t.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
