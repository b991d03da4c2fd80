using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using EdgeSync.CloudCore.Configuration;

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
}

/// <summary>The command line of cloudcore. Exit codes: 0 done, 1 failed, 2 not understood.</summary>
internal static class CloudCoreCommands
{
    private const int UsageError = 2;

    // a hub that is asked to stop closes its sessions and its database first
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(30);

    public static string Version { get; } =
        $"cloudcore {typeof(CloudCoreCommands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]}";

    public static async Task<int> InvokeAsync(string[] args, CloudCoreParts parts, CancellationToken cancellationToken)
    {
        var root = new RootCommand(
            """
            The hub of EdgeSync: Kubernetes for places with a bad link.

            First steps:
              cloudcore init --data-dir /var/lib/edgesync-cloud --advertise-address 203.0.113.5
              cloudcore run --data-dir /var/lib/edgesync-cloud
              cloudcore gettoken --data-dir /var/lib/edgesync-cloud
            """)
        {
            InitCommand.Create(parts),
            GetTokenCommand.Create(parts),
            RunCommand.Create(parts),
            VersionCommand(),
        };
        foreach (var option in root.Options.OfType<VersionOption>())
        {
            option.Action = new PrintVersion();
        }

        // a token may begin with '@', and no argument is ever a file of further arguments
        var result = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is ParseErrorAction)
        {
            foreach (var error in result.Errors)
            {
                await parts.Error.WriteLineAsync($"cloudcore: {error.Message}");
            }

            var path = string.Concat(result.CommandResult.Command is RootCommand ? "" : " " + result.CommandResult.Command.Name);
            await parts.Error.WriteLineAsync($"See: cloudcore{path} --help");
            return UsageError;
        }

        try
        {
            return await result.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = parts.Output,
                    Error = parts.Error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = s_stopTimeout,
                },
                cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await parts.Error.WriteLineAsync("cloudcore: interrupted");
            return 1;
        }
        catch (Exception e) when (e is CommandFailedException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            await parts.Error.WriteLineAsync($"cloudcore: {e.Message}");
            return 1;
        }
    }

    /// <summary>Reads cloudcore.yaml; warnings go to the error stream, problems end the command.</summary>
    public static CloudCoreRun Load(string dataDir, string? kubeconfig, TextWriter error)
    {
        var files = new CloudFiles(Path.GetFullPath(dataDir));
        var loaded = CloudCoreConfigFile.Load(files, kubeconfig);
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

    public static Option<string> DataDirOption() => new("--data-dir")
    {
        Description = "Folder of the hub's certificates, configuration and database.",
        HelpName = "DIR",
        Required = true,
    };

    private static Command VersionCommand()
    {
        var command = new Command("version", "Prints the version.");
        command.SetAction(result =>
        {
            result.InvocationConfiguration.Output.WriteLine(Version);
            return 0;
        });
        return command;
    }

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(Version);
            return 0;
        }
    }
}
