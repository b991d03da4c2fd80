using System.CommandLine;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Commands;

/// <summary>What <c>cloudcore run</c> hands to the program proper.</summary>
/// <param name="Config">Checked, file names resolved.</param>
/// <param name="Files">The data folder.</param>
internal sealed record CloudCoreRun(CloudCoreConfig Config, CloudFiles Files);

/// <summary>Parts that the composition root puts into the commands.</summary>
internal sealed record CloudCoreParts
{
    /// <summary>Runs the hub until the token is cancelled; gives the exit code.</summary>
    public required Func<CloudCoreRun, CancellationToken, Task<int>> RunAsync { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public TextWriter Output { get; init; } = Console.Out;

    public TextWriter Error { get; init; } = Console.Error;

    /// <summary>Whether a person reads the output now. What else it goes to (a journal, a file, a pipe) keeps what must not be kept.</summary>
    public bool IsTerminal { get; init; } = !Console.IsOutputRedirected;
}

/// <summary>The command line of cloudcore. Exit codes: 0 done, 1 failed, 2 not understood.</summary>
internal static class CloudCoreCommands
{
    private const string DefaultDataDir = "/var/lib/edgesync-cloud";

    public static Task<int> InvokeAsync(string[] args, CloudCoreParts parts, CancellationToken cancellationToken) =>
        new CommandShell("cloudcore", parts.Output, parts.Error).InvokeAsync(
            new RootCommand(
                """
                The hub of EdgeSync: Kubernetes for places with a bad link.

                First steps:
                  cloudcore init --data-dir /var/lib/edgesync-cloud --advertise-address 203.0.113.5
                  cloudcore run --data-dir /var/lib/edgesync-cloud
                  cloudcore gettoken --data-dir /var/lib/edgesync-cloud

                Where is it stuck:
                  cloudcore nodes
                  cloudcore why pod/web-7x2k

                Keep what the embedded API holds:
                  cloudcore backup /backups/hub.db --data-dir /var/lib/edgesync-cloud
                """)
            {
                InitCommand.Create(parts),
                GetTokenCommand.Create(parts),
                RunCommand.Create(parts),
                NodesCommand.Create(parts),
                WhyCommand.Create(parts),
                BackupCommand.Create(parts),
                RestoreCommand.Create(parts),
            },
            args,
            cancellationToken);

    /// <summary>Reads cloudcore.yaml; warnings go to the error stream, problems end the command.</summary>
    public static CloudCoreRun Load(string dataDir, RunWish? wish, TextWriter error)
    {
        var files = new CloudFiles(Path.GetFullPath(dataDir));
        var loaded = CloudCoreConfigFile.Load(files, wish);
        foreach (var warning in loaded.Warnings)
        {
            error.WriteLine($"cloudcore: warning: {files.Config}: {warning}");
        }

        return loaded.Config is { } config
            ? new CloudCoreRun(config, files)
            : throw new CommandFailedException(loaded.Problems.Count == 1 && !File.Exists(files.Config)
                ? loaded.Problems[0]
                : $"{files.Config} cannot be used:{string.Concat(loaded.Problems.Select(p => $"\n  {p}"))}");
    }

    /// <summary>For commands that ask a running hub.</summary>
    public static Option<string> RunningDataDirOption() => new("--data-dir")
    {
        Description = $"The running hub's data folder. Default: {DefaultDataDir}.",
        HelpName = "DIR",
        DefaultValueFactory = _ => DefaultDataDir,
    };

    /// <summary><c>-o</c>: how an answer is written.</summary>
    /// <param name="forms">The forms besides the plain one.</param>
    public static Option<string> OutputOption(params string[] forms)
    {
        var option = new Option<string>("--output", "-o")
        {
            Description = $"Write the answer as {string.Join(" or ", forms)}.",
            HelpName = string.Join('|', forms),
            DefaultValueFactory = _ => "",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !forms.Contains(result.Tokens[0].Value))
            {
                result.AddError($"-o must be {string.Join(" or ", forms)}, and is \"{result.Tokens[0].Value}\"");
            }
        });
        return option;
    }

    public static Option<string> DataDirOption() => new("--data-dir")
    {
        Description = "Folder of the hub's certificates, configuration and database.",
        HelpName = "DIR",
        Required = true,
    };
}
