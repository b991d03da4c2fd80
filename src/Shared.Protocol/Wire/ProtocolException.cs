namespace EdgeSync.Protocol.Wire;

/// <summary>A peer sent what the protocol does not allow. The message says what, in words for a log.</summary>
public sealed class ProtocolException : Exception
{
    public ProtocolException(string message)
        : base(message)
    {
    }

    public ProtocolException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
