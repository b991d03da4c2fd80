using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace EdgeSync.Protocol.Enrollment;

/// <summary>
/// The signed, expiring half of a join token: a JWT (HS256) with nothing but <c>exp</c>. Its HMAC key is the CA's
/// private key as SEC1 DER, so every holder of the CA can make and check tickets (KubeEdge's format).
/// <code>
/// base64url({"alg":"HS256","typ":"JWT"}) . base64url({"exp":1767225600}) . base64url(HMAC-SHA256)
/// </code>
/// </summary>
public static class JoinTicket
{
    private const int MaxLength = 4096;

    private static readonly string s_header = Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8);

    public static string Create(ReadOnlySpan<byte> key, DateTimeOffset expires)
    {
        var payload = string.Create(CultureInfo.InvariantCulture, $$"""{"exp":{{expires.ToUnixTimeSeconds()}}}""");
        var signed = $"{s_header}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>
    /// Reads the expiry without checking the signature, which is all that a box that joins can do. On failure
    /// <paramref name="problem"/> says what is malformed.
    /// </summary>
    public static bool TryReadExpiry(string ticket, out DateTimeOffset expires, out string? problem)
    {
        expires = default;
        var parts = ticket.Split('.');
        problem =
            ticket.Length > MaxLength ? $"its ticket is longer than {MaxLength} characters"
            : parts.Length != 3 ? $"its ticket (a JWT) has {parts.Length} parts, not 3"
            : ReadHeader(parts[0]) ?? ReadPayload(parts[1], out expires);
        return problem is null;
    }

    /// <summary>Why the ticket admits nobody at <paramref name="now"/>; null when it does.</summary>
    public static string? Problem(string ticket, ReadOnlySpan<byte> key, DateTimeOffset now)
    {
        if (!TryReadExpiry(ticket, out var expires, out var malformed))
        {
            return $"the token is malformed: {malformed}";
        }

        var end = ticket.LastIndexOf('.');
        var wanted = HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(ticket[..end]));
        if (!TryDecode(ticket[(end + 1)..], out var actual) || !CryptographicOperations.FixedTimeEquals(wanted, actual))
        {
            return "the token was not made by this hub (its signature does not fit)";
        }

        return now >= expires ? $"the token expired at {Format(expires)}" : null;
    }

    internal static string Format(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string? ReadHeader(string part)
    {
        if (!TryReadObject(part, out var header))
        {
            return "its ticket's header is not base64url of a JSON object";
        }

        using (header)
        {
            // "none" and asymmetric algorithms are how JWT checks are fooled
            return header!.RootElement.TryGetProperty("alg", out var algorithm)
                && algorithm.ValueKind == JsonValueKind.String
                && algorithm.GetString() == "HS256"
                    ? null
                    : "its ticket is not signed with HS256";
        }
    }

    private static string? ReadPayload(string part, out DateTimeOffset expires)
    {
        expires = default;
        if (!TryReadObject(part, out var payload))
        {
            return "its ticket's payload is not base64url of a JSON object";
        }

        using (payload)
        {
            if (!payload!.RootElement.TryGetProperty("exp", out var exp)
                || exp.ValueKind != JsonValueKind.Number
                || !exp.TryGetInt64(out var seconds)
                || seconds < 0
                || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            {
                return "its ticket has no usable expiry (exp, seconds since 1970)";
            }

            expires = DateTimeOffset.FromUnixTimeSeconds(seconds);
            return null;
        }
    }

    private static bool TryReadObject(string part, out JsonDocument? document)
    {
        document = null;
        if (!TryDecode(part, out var json))
        {
            return false;
        }

        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 4 });
        }
        catch (JsonException)
        {
            return false;
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            return true;
        }

        document.Dispose();
        document = null;
        return false;
    }

    private static bool TryDecode(string part, out byte[] bytes)
    {
        bytes = [];
        if (part.Length == 0 || !Base64Url.IsValid(part))
        {
            return false;
        }

        bytes = Base64Url.DecodeFromChars(part);
        return true;
    }
}
