using System.CommandLine;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

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
    public static Task<int> InvokeAsync(string[] args, EdgeCoreParts parts, CancellationToken cancellationToken) =>
        new CommandShell("edgecore", parts.Output, parts.Error).InvokeAsync(
            new RootCommand(
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
            },
            args,
            cancellationToken);

    public static Option<string> DataDirOption() => new("--data-dir")
    {
        Description = "Folder of the agent's certificate, configuration, database and volumes.",
        HelpName = "DIR",
        Required = true,
    };

    /// <summary>A usage error that only reading the values shows.</summary>
    public static CommandFailedException Usage(string message) => new(message, CommandShell.UsageError);
}
