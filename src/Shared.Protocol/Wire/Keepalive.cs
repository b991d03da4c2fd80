using System.Globalization;

namespace EdgeSync.Protocol.Wire;

/// <summary>The agent's sign of life. It is most of what a quiet node sends.</summary>
public static class Keepalive
{
    private static readonly byte[] s_ping = MessageContent.Text("ping");

    /// <summary>
    /// KubeEdge's hub wants its whole form; one that speaks the extensions knows it by its operation, and the rest stays off the
    /// link (about 110 of 175 bytes).
    /// </summary>
    /// <param name="extended">Whether the hub speaks EdgeSync's extensions.</param>
    /// <param name="number">Of this keepalive, within its session.</param>
    /// <param name="unixMs">Wall clock, Unix milliseconds.</param>
    public static Message Create(bool extended, long number, long unixMs) => extended
        ? new Message
        {
            Id = number.ToString(CultureInfo.InvariantCulture),
            Operation = Operations.Keepalive,
        }
        : new Message
        {
            Id = Guid.NewGuid().ToString(),
            Timestamp = unixMs,
            Source = Sources.WebSocket,
            Group = Groups.Resource,
            Operation = Operations.Keepalive,
            Resource = ResourceTypes.Node,
            Content = s_ping,
        };
}
