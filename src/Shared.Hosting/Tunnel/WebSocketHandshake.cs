using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace EdgeSync.Hosting.Tunnel;

/// <summary>RFC 6455's proof that an answer is one to this very handshake.</summary>
public static class WebSocketHandshake
{
    /// <summary>The value of <c>Sec-WebSocket-Accept</c> for that of <c>Sec-WebSocket-Key</c>.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "RFC 6455 says SHA-1, and nothing is kept secret by it")]
    public static string Accept(string key) =>
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
}
