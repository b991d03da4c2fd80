using System.Security.Cryptography;
using System.Text;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.Protocol.Tests.Enrollment;

public sealed class JoinTokenTests
{
    private static readonly byte[] s_ca = Encoding.ASCII.GetBytes("a certificate");
    private static readonly byte[] s_key = Encoding.ASCII.GetBytes("the CA's private key");
    private static readonly DateTimeOffset s_now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_token_has_KubeEdges_form()
    {
        var text = JoinToken.Create(s_ca, s_key, DateTimeOffset.FromUnixTimeSeconds(1767225600)).Reveal();

        var parts = text.Split('.');
        Assert.Equal(4, parts.Length);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(s_ca)), parts[0]);
        Assert.Equal("""{"alg":"HS256","typ":"JWT"}""", Decode(parts[1]));
        Assert.Equal("""{"exp":1767225600}""", Decode(parts[2]));
        var signature = HMACSHA256.HashData(s_key, Encoding.ASCII.GetBytes($"{parts[1]}.{parts[2]}"));
        Assert.Equal(Convert.ToBase64String(signature).TrimEnd('=').Replace('+', '-').Replace('/', '_'), parts[3]);
    }

    [Fact]
    public void What_was_created_is_parsed_and_admits_until_it_expires()
    {
        var created = JoinToken.Create(s_ca, s_key, s_now.AddHours(1));

        Assert.True(JoinToken.TryParse(created.Reveal() + "\n", out var token, out _));
        Assert.True(token!.IsOf(s_ca));
        Assert.False(token.IsOf(s_key));
        Assert.Null(JoinTicket.Problem(token.Ticket, s_key, s_now));
        Assert.Equal("the token expired at 2026-03-01T13:00:00Z", JoinTicket.Problem(token.Ticket, s_key, s_now.AddHours(1)));
    }

    [Fact]
    public void A_ticket_of_another_hub_admits_nobody()
    {
        var ticket = JoinTicket.Create(s_ca, s_now.AddHours(1));

        Assert.Contains("not made by this hub", JoinTicket.Problem(ticket, s_key, s_now), StringComparison.Ordinal);
    }

    [Fact]
    public void A_ticket_with_a_later_expiry_written_in_admits_nobody()
    {
        var parts = JoinTicket.Create(s_key, s_now.AddHours(-1)).Split('.');
        parts[1] = Encode($$"""{"exp":{{s_now.AddYears(1).ToUnixTimeSeconds()}}}""");

        Assert.Contains("not made by this hub", JoinTicket.Problem(string.Join('.', parts), s_key, s_now), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"alg":"none"}""")]
    [InlineData("""{"alg":"RS256"}""")]
    [InlineData("""{"alg":256}""")]
    [InlineData("""{}""")]
    public void A_ticket_that_is_not_signed_with_HS256_admits_nobody(string header)
    {
        var parts = JoinTicket.Create(s_key, s_now.AddHours(1)).Split('.');
        parts[0] = Encode(header);

        Assert.Contains("not signed with HS256", JoinTicket.Problem(string.Join('.', parts), s_key, s_now), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "1 part ")]
    [InlineData("abc", "1 part ")]
    [InlineData("a.b.c", "3 parts")]
    [InlineData("a.b.c.d.e", "5 parts")]
    [InlineData("abcd.b.c.d", "not a SHA-256 hash")]
    public void A_malformed_token_is_told_apart(string text, string words)
    {
        Assert.False(JoinToken.TryParse(text, out _, out var problem));
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("!!", """{"exp":1}""", "header is not base64url")]
    [InlineData("""{"alg":"HS256"}""", "not json", "payload is not base64url")]
    [InlineData("""{"alg":"HS256"}""", "[1]", "payload is not base64url")]
    [InlineData("""{"alg":"HS256"}""", """{}""", "no usable expiry")]
    [InlineData("""{"alg":"HS256"}""", """{"exp":"soon"}""", "no usable expiry")]
    [InlineData("""{"alg":"HS256"}""", """{"exp":99999999999999999}""", "no usable expiry")]
    public void A_malformed_ticket_is_told_apart(string header, string payload, string words)
    {
        var text = $"{JoinToken.HashOf(s_ca)}.{(header == "!!" ? header : Encode(header))}.{Encode(payload)}.c2ln";

        Assert.False(JoinToken.TryParse(text, out _, out var problem));
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_that_is_far_too_long_is_refused_before_it_is_taken_apart()
    {
        Assert.False(JoinToken.TryParse(new string('.', 100_000), out _, out var problem));
        Assert.Contains("longer than", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_written_to_a_log_does_not_give_itself_away()
    {
        var token = JoinToken.Create(s_ca, s_key, s_now);

        Assert.DoesNotContain(token.Ticket, $"{token}", StringComparison.Ordinal);
    }

    private static string Encode(string text) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static string Decode(string part) => Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(part));
}
