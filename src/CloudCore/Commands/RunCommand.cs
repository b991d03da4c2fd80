using System.CommandLine;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore run</c>.</summary>
internal static class RunCommand
{
    public static Command Create(CloudCoreParts parts)
    {
        var dataDir = CloudCoreCommands.DataDirOption();
        var kubeconfig = new Option<string?>("--kubeconfig")
        {
            Description = "Work on a real Kubernetes cluster, in place of the embedded API. Overrides cloudcore.yaml.",
            HelpName = "FILE",
        };
        var command = new Command(
            "run",
            """
            Runs the hub until it is stopped (SIGTERM or Ctrl-C).

            Examples:
              cloudcore run --data-dir /var/lib/edgesync-cloud
              cloudcore run --data-dir /var/lib/edgesync-cloud --kubeconfig ~/.kube/config
            """)
        {
            dataDir,
            kubeconfig,
        };
        command.SetAction((result, cancellationToken) => RunAsync(
            CloudCoreCommands.Load(result.GetRequiredValue(dataDir), result.GetValue(kubeconfig), parts.Error),
            parts,
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CloudCoreRun run, CloudCoreParts parts, CancellationToken cancellationToken)
    {
        var files = run.Files;
        using var alone = FolderLock.TryTake(files.RunLock, files.RunPid) ?? throw new CommandFailedException(
            $"{files.DataDir} is held by a cloudcore that runs already{FolderLock.Describe(files.RunPid)}; stop it first");
        alone.WritePid(files.RunPid);
        try
        {
            return await parts.RunAsync(run, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return 0; // asked to stop, and stopped
        }
    }
}
