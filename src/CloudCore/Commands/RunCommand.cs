using System.CommandLine;

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
        command.SetAction((result, cancellationToken) => parts.RunAsync(
            CloudCoreCommands.Load(result.GetRequiredValue(dataDir), result.GetValue(kubeconfig), parts.Error),
            cancellationToken));
        return command;
    }
}
