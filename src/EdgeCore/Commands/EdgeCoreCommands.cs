using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using EdgeSync.EdgeCore.Configuration;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>What <c>edgecore run</c> hands to the program proper.</summary>
/// <param name="Config">Checked, file names resolved.</param>
/// <param name="Files">The data folder.</param>
/// <param name="Ready">To be called once, when the agent has come up; <c>join --start</c> waits for it.</param>
internal sealed record EdgeCoreRun(EdgeCoreConfig Config, EdgeFiles Files, Action Ready);

/// <summary>Parts that the composition root puts into the commands.</summary>
internal sealed record EdgeCoreParts
{
    /// <summary>Runs the agent until the token is cancelled; gives the exit code.</summary>
    public required Func<EdgeCoreRun, CancellationToken, Task<int>> RunAsync { get; init; }

    /// <summary>Asks the runtime at an endpoint (<c>unix:///…</c>) for name and version over CRI v1; null only tries to connect.</summary>
    public Func<string, CancellationToken, Task<string>>? RuntimeVersion { get; init; }

    /// <summary>Removes the node's pods and containers from the runtime; null leaves them, and reset says so.</summary>
    public Func<EdgeCoreConfig, CancellationToken, Task>? RemovePods { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public TextReader Input { get; init; } = Console.In;

    public TextWriter Output { get; init; } = Console.Out;

    public TextWriter Error { get; init; } = Console.Error;

    /// <summary>Whether somebody can be asked.</summary>
    public bool Interactive { get; init; } = !Console.IsInputRedirected;

    /// <summary>Whether output may be coloured.</summary>
    public bool Terminal { get; init; } = !Console.IsOutputRedirected;

    /// <summary>Environment variables, as far as commands read them.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;
}

/// <summary>The command line of edgecore. Exit codes: 0 done, 1 failed, 2 not understood.</summary>
internal static class EdgeCoreCommands
{
    private const int UsageError = 2;

    // an agent that is asked to stop closes its database first; pods go on
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(30);

    public static string Version { get; } =
        $"edgecore {typeof(EdgeCoreCommands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]}";

    public static async Task<int> InvokeAsync(string[] args, EdgeCoreParts parts, CancellationToken cancellationToken)
    {
        var root = new RootCommand(
            """
            The agent of EdgeSync: Kubernetes for places with a bad link.

            First steps:
              edgecore join --cloudcore-ipport=203.0.113.5:10000 --node-name=edge-1 --data-dir /var/lib/edgesync --token-file token --start
              edgecore reset --data-dir /var/lib/edgesync
            """)
        {
            JoinCommand.Create(parts),
            RunCommand.Create(parts),
            ResetCommand.Create(parts),
            VersionCommand(),
        };
        foreach (var option in root.Options.OfType<VersionOption>())
        {
            option.Action = new PrintVersion();
        }

        // no argument is ever a file of further arguments
        var result = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is ParseErrorAction)
        {
            foreach (var error in result.Errors)
            {
                await parts.Error.WriteLineAsync($"edgecore: {error.Message}");
            }

            var path = string.Concat(result.CommandResult.Command is RootCommand ? "" : " " + result.CommandResult.Command.Name);
            await parts.Error.WriteLineAsync($"See: edgecore{path} --help");
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
        catch (CommandFailedException e)
        {
            await parts.Error.WriteLineAsync($"edgecore: {e.Message}");
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            await parts.Error.WriteLineAsync("edgecore: interrupted");
            return 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            await parts.Error.WriteLineAsync($"edgecore: {e.Message}");
            return 1;
        }
    }

    public static Option<string> DataDirOption() => new("--data-dir")
    {
        Description = "Folder of the agent's certificate, configuration, database and volumes.",
        HelpName = "DIR",
        Required = true,
    };

    /// <summary>A usage error that only reading the values shows.</summary>
    public static CommandFailedException Usage(string message) => new(message, UsageError);

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
