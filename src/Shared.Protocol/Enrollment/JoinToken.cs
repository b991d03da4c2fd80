using System.Security.Cryptography;

namespace EdgeSync.Protocol.Enrollment;

/// <summary>
/// What a box needs to join: the hash by which it knows the hub's CA, and a ticket by which the hub lets it in.
/// <code>
/// lower-case hex(SHA-256(CA certificate, DER)), 64 characters  .  ticket (JWT, three parts)
/// </code>
/// KubeEdge's format, so either side may be KubeEdge's.
/// </summary>
public sealed class JoinToken
{
    private const int HashLength = 64;
    private const int MaxLength = 8192;

    private JoinToken(string caHash, string ticket, DateTimeOffset expires)
    {
        CaHash = caHash;
        Ticket = ticket;
        Expires = expires;
    }

    public string CaHash { get; }

    /// <summary>Secret until it expires: the bearer token of <c>GET /edge.crt</c>.</summary>
    public string Ticket { get; }

    public DateTimeOffset Expires { get; }

    /// <summary>The whole token. <see cref="ToString"/> is not it, so that it never slips into a log.</summary>
    public string Reveal() => $"{CaHash}.{Ticket}";

    public override string ToString() => $"join token until {JoinTicket.Format(Expires)}";

    public static JoinToken Create(ReadOnlySpan<byte> caCertificate, ReadOnlySpan<byte> caKey, DateTimeOffset expires) =>
        new(HashOf(caCertificate), JoinTicket.Create(caKey, expires), expires);

    /// <summary>
    /// Checks the form only; who made it and whether it has expired are other questions. On failure
    /// <paramref name="problem"/> says what is malformed, without the token's own text.
    /// </summary>
    public static bool TryParse(string text, out JoinToken? token, out string? problem)
    {
        token = null;
        if (text.Length > MaxLength)
        {
            problem = $"it is longer than {MaxLength} characters";
            return false;
        }

        var trimmed = text.Trim();
        var parts = trimmed.Split('.');
        if (parts.Length != 4)
        {
            problem = $"it has {parts.Length} part{(parts.Length == 1 ? "" : "s")} between dots, not 4 (was it cut off when it was copied?)";
            return false;
        }

        if (parts[0].Length != HashLength || !parts[0].All(char.IsAsciiHexDigit))
        {
            problem = $"its first part is not a SHA-256 hash ({HashLength} hex digits; it has {parts[0].Length} characters)";
            return false;
        }

        var ticket = trimmed[(HashLength + 1)..];
        if (!JoinTicket.TryReadExpiry(ticket, out var expires, out problem))
        {
            return false;
        }

        token = new JoinToken(parts[0].ToLowerInvariant(), ticket, expires);
        return true;
    }

    /// <summary>Whether <paramref name="caCertificate"/> (DER) is the CA that the token names.</summary>
    public bool IsOf(ReadOnlySpan<byte> caCertificate) => HashOf(caCertificate) == CaHash;

    public bool IsExpired(DateTimeOffset now) => now >= Expires;

    public static string HashOf(ReadOnlySpan<byte> caCertificate) =>
        Convert.ToHexStringLower(SHA256.HashData(caCertificate));
}
