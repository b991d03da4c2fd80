using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace EdgeSync.Hosting;

/// <summary>
/// What the two programs' command lines have in common: parsing, <c>--version</c> and <c>version</c>, errors in one line,
/// exit codes (0 done, 1 failed, 2 not understood).
/// </summary>
/// <param name="program">The program's name.</param>
/// <param name="output">Results.</param>
/// <param name="error">Problems.</param>
public sealed class CommandShell(string program, TextWriter output, TextWriter error)
{
    public const int UsageError = 2;

    // a program that is asked to stop closes its sessions and its database first
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(30);

    /// <summary><c>PROGRAM VERSION</c>.</summary>
    public string Version { get; } =
        $"{program} {typeof(CommandShell).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]}";

    /// <summary>Runs the command that <paramref name="args"/> name; the program's exit code.</summary>
    public async Task<int> InvokeAsync(RootCommand root, string[] args, CancellationToken cancellationToken)
    {
        root.Add(VersionCommand());
        foreach (var option in root.Options.OfType<VersionOption>())
        {
            option.Action = new PrintVersion(Version);
        }

        // no argument is ever a file of further arguments: a token may begin with '@'
        var result = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is ParseErrorAction)
        {
            foreach (var problem in result.Errors)
            {
                await error.WriteLineAsync($"{program}: {problem.Message}");
            }

            var command = result.CommandResult.Command is RootCommand ? "" : " " + result.CommandResult.Command.Name;
            await error.WriteLineAsync($"See: {program}{command} --help");
            return UsageError;
        }

        try
        {
            return await result.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = output,
                    Error = error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = s_stopTimeout,
                },
                cancellationToken);
        }
        catch (CommandFailedException e)
        {
            await error.WriteLineAsync($"{program}: {e.Message}");
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync($"{program}: interrupted");
            return 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            await error.WriteLineAsync($"{program}: {e.Message}");
            return 1;
        }
    }

    private Command VersionCommand()
    {
        var command = new Command("version", "Prints the version.");
        command.SetAction(_ =>
        {
            output.WriteLine(Version);
            return 0;
        });
        return command;
    }

    private sealed class PrintVersion(string version) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(version);
            return 0;
        }
    }
}
