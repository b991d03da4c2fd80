namespace EdgeSync.CloudCore.Commands;

/// <summary>Ends a command with a message for the user and exit code 1. The message is all that is shown.</summary>
internal sealed class CommandFailedException(string message) : Exception(message);
