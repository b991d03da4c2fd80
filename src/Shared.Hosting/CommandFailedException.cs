namespace EdgeSync.Hosting;

/// <summary>Ends a command with a message for the user, which is all that is shown.</summary>
/// <param name="message">What is wrong, where, and how to mend it.</param>
/// <param name="exitCode">1 failed, 2 not understood.</param>
public sealed class CommandFailedException(string message, int exitCode = 1) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
