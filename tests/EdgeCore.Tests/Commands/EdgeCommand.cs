using EdgeSync.EdgeCore.Commands;

namespace EdgeSync.EdgeCore.Tests.Commands;

internal sealed record CommandOutcome(int ExitCode, string Output, string Error);

/// <summary>edgecore's command line, called in this process with its output caught.</summary>
internal static class EdgeCommand
{
    /// <summary>Without a part of its own a command finds nothing to run, and a runtime that is only connected to.</summary>
    public static EdgeCoreParts Parts { get; } = new()
    {
        RunAsync = (_, _) => Task.FromResult(0),
        Interactive = false,
        Terminal = false,
        Input = TextReader.Null,
        Environment = _ => null,
    };

    public static Task<CommandOutcome> RunAsync(params string[] args) => RunAsync(Parts, args);

    public static async Task<CommandOutcome> RunAsync(EdgeCoreParts parts, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var exitCode = await EdgeCoreCommands.InvokeAsync(args, parts with { Output = output, Error = error }, limit.Token);
        return new CommandOutcome(exitCode, output.ToString(), error.ToString());
    }
}
