using System.CommandLine;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore run</c>.</summary>
internal static class RunCommand
{
    public static Command Create(CloudCoreParts parts)
    {
        var dataDir = CloudCoreCommands.DataDirOption();
        var cluster = new ClusterOptions();
        var controllers = new Option<string?>("--controllers")
        {
            Description = $"Which controllers run, as kube-controller-manager's option of this name: a list with commas, in which {ControllerSelection.Choice}. "
                + "Default: * with the embedded API; none on a real cluster, which has its own.",
            HelpName = "LIST",
        };
        controllers.Validators.Add(result =>
        {
            // whether the API is the embedded one is known later
            if (ControllerSelection.Problem(ListOf(result.Tokens.Count == 1 ? result.Tokens[0].Value : ""), embedded: true) is { } problem)
            {
                result.AddError($"--controllers: {problem}");
            }
        });
        var monitor = Duration("--node-monitor-period", "A lower bound of --node-monitor-grace-period: nodes are looked at when they change, and when their time is over. Default: 5s.");
        var grace = Duration("--node-monitor-grace-period", "A node that was not heard of for so long is marked as out of contact. Default: 40s.");
        var ended = new Option<int?>("--terminated-pod-gc-threshold")
        {
            Description = "How many ended pods are kept, the oldest go first; 0 keeps all. Default: 12500.",
            HelpName = "N",
        };
        var leaderElect = new Option<bool>("--leader-elect")
        {
            Description = "One of several replicas on a real cluster: they share the nodes, and one at a time leads (leaderElection.leaderElect). All of them need it.",
        };
        var streamAddress = new Option<string?>("--stream-address")
        {
            Description = "The IP under which the cluster's API server reaches this very process for logs and exec (modules.cloudStream.streamAddress): "
                + "in a pod, its own.",
            HelpName = "IP",
        };
        streamAddress.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !System.Net.IPAddress.TryParse(result.Tokens[0].Value, out _))
            {
                result.AddError($"--stream-address must be an IP address, and is \"{result.Tokens[0].Value}\"");
            }
        });
        var command = new Command(
            "run",
            """
            Runs the hub until it is stopped (SIGTERM or Ctrl-C). What the options say overrides cloudcore.yaml.

            Examples:
              cloudcore run --data-dir /var/lib/edgesync-cloud
              cloudcore run --data-dir /var/lib/edgesync-cloud --kubeconfig ~/.kube/config
              cloudcore run --data-dir /var/lib/edgesync-cloud --in-cluster
              cloudcore run --data-dir /var/lib/edgesync-cloud --in-cluster --leader-elect --stream-address $POD_IP
              cloudcore run --data-dir /var/lib/edgesync-cloud --controllers='*,-workloads'
            """)
        {
            dataDir,
            controllers,
            monitor,
            grace,
            ended,
            leaderElect,
            streamAddress,
        };
        cluster.AddTo(command);
        command.SetAction((result, cancellationToken) => RunAsync(
            CloudCoreCommands.Load(
                result.GetRequiredValue(dataDir),
                new RunWish
                {
                    Cluster = cluster.Read(result),
                    Controllers = result.GetValue(controllers) is { } list ? ListOf(list) : null,
                    NodeMonitorPeriod = DurationOf(result.GetValue(monitor)),
                    NodeMonitorGracePeriod = DurationOf(result.GetValue(grace)),
                    TerminatedPodGCThreshold = result.GetValue(ended),
                    LeaderElect = result.GetValue(leaderElect),
                    StreamAddress = result.GetValue(streamAddress),
                },
                parts.Error),
            parts,
            cancellationToken));
        return command;
    }

    private static Option<string?> Duration(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "DURATION" };
        option.Validators.Add(result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (!GoDuration.TryParse(text, out var duration) || duration <= TimeSpan.Zero)
            {
                result.AddError($"{name}: \"{text}\" is not a duration; write it as 40s, 2m or 1h30m");
            }
        });
        return option;
    }

    private static TimeSpan? DurationOf(string? text) => GoDuration.TryParse(text, out var duration) ? duration : null;

    private static string[] ListOf(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

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
