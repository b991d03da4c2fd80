using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>Ends the agent that runs on a data folder.</summary>
internal static class AgentStop
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(35);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Asks first (SIGTERM), then insists (SIGKILL). The lock says when it is gone.</summary>
    /// <exception cref="CommandFailedException">It cannot be told which process it is, or it does not end.</exception>
    public static async Task StopAsync(EdgeFiles files, TextWriter output, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!FolderLock.IsHeld(files.Lock))
        {
            return;
        }

        var pid = AgentProcess.Of(files) ?? throw new CommandFailedException(
            $"an agent runs on {files.DataDir}, and {files.Pid} does not say which process it is; stop it and run reset again (lsof {files.Lock} names it)");
        await output.WriteLineAsync($"Stopping the agent (process {pid}).");
        foreach (var signal in new[] { Linux.SigTerm, Linux.SigKill })
        {
            Linux.Signal(pid, signal);
            var asked = time.GetTimestamp();
            while (time.GetElapsedTime(asked) < s_patience)
            {
                if (!FolderLock.IsHeld(files.Lock))
                {
                    return;
                }

                await Task.Delay(s_interval, time, cancellationToken);
            }
        }

        throw new CommandFailedException($"the agent (process {pid}) does not end; end it and run reset again");
    }
}
