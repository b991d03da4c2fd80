using System.CommandLine;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.Commands;

/// <summary><c>edgecore run</c>: one agent per data folder.</summary>
internal static class RunCommand
{
    /// <summary>Hidden: given by <c>join --start</c>.</summary>
    public const string DetachedOption = "--detached";

    public static Command Create(EdgeCoreParts parts)
    {
        var dataDir = EdgeCoreCommands.DataDirOption();
        var detached = new Option<bool>(DetachedOption) { Hidden = true };
        var command = new Command(
            "run",
            """
            Runs the agent until it is stopped (SIGTERM or Ctrl-C). Pods go on running without it.

            Examples:
              edgecore run --data-dir /var/lib/edgesync
            """)
        {
            dataDir,
            detached,
        };
        command.SetAction((result, cancellationToken) => RunAsync(
            new EdgeFiles(Path.GetFullPath(result.GetRequiredValue(dataDir))), result.GetValue(detached), parts, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(EdgeFiles files, bool detached, EdgeCoreParts parts, CancellationToken cancellationToken)
    {
        if (detached)
        {
            Linux.Detach(files.Log);
        }

        var loaded = EdgeCoreConfigFile.Load(files);
        if (loaded.Config is not { } config)
        {
            throw new CommandFailedException(File.Exists(files.Config)
                ? $"{files.Config} cannot be used:{string.Concat(loaded.Problems.Select(p => $"\n  {p}"))}"
                : loaded.Problems[0]);
        }

        using var alone = FolderLock.TryTake(files.Lock, files.Pid, files.Ready) ?? throw new CommandFailedException(
            $"an agent runs on {files.DataDir} already{FolderLock.Describe(files.Pid)}; stop it first");
        alone.WritePid(files.Pid);
        try
        {
            return await parts.RunAsync(new EdgeCoreRun(config, files, () => alone.WritePid(files.Ready)), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return 0; // asked to stop, and stopped
        }
    }
}
