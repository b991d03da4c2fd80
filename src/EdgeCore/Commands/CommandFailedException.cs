namespace EdgeSync.EdgeCore.Commands;

/// <summary>Ends a command with a message for the user. The message is all that is shown.</summary>
internal sealed class CommandFailedException(string message, int exitCode = 1) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
