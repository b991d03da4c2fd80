using System.Diagnostics;

namespace EdgeSync.TestKit;

/// <summary>A command that ran to its end, with what it wrote.</summary>
public sealed record CommandResult(string CommandLine, int ExitCode, string Output, string Error)
{
    public bool Succeeded => ExitCode == 0;

    /// <summary>Output and error together: a message may stand in either.</summary>
    public string Text => Output + Error;

    /// <summary>The output, without the line end; a failure with all the command wrote when it did not succeed.</summary>
    public string Expect() => Succeeded ? Output.TrimEnd('\n') : throw new CommandFailedException(this);
}

/// <summary>A command that was to succeed and did not.</summary>
public sealed class CommandFailedException(CommandResult result)
    : Exception($"{result.CommandLine}\nended with exit code {result.ExitCode}\n{result.Text}");

/// <summary>Runs other programs: an argument array, an own environment, and always a time limit.</summary>
public static class ProgramsCommand
{
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);

    public static async Task<CommandResult> RunAsync(
        string file,
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        string? input = null,
        TimeSpan? limit = null,
        ProgramsPlace? place = null)
    {
        var start = StartInfo(file, arguments, environment, place);
        start.RedirectStandardInput = true;
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await WriteInputAsync(process, input);
        using var deadline = new CancellationTokenSource(limit ?? DefaultLimit);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            // a child that was left behind may hold the pipes open: do not wait for it longer than for the command
            return new CommandResult(
                Line(file, arguments),
                process.ExitCode,
                await output.WaitAsync(deadline.Token),
                await error.WaitAsync(deadline.Token));
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"not within {(limit ?? DefaultLimit).TotalSeconds:0.#} s: {Line(file, arguments)}");
        }
    }

    /// <summary>Whether the program is on the path (or in sbin, where daemons live).</summary>
    public static bool Exists(string program) => Find(program) is not null;

    internal static ProcessStartInfo StartInfo(
        string file, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment, ProgramsPlace? place = null)
    {
        (file, arguments) = (place ?? ProgramsPlace.Here).CommandLine(file, arguments);
        var start = new ProcessStartInfo(Find(file) ?? file)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in (place?.Environment ?? []).Concat(environment ?? new Dictionary<string, string>()))
        {
            start.Environment[name] = value;
        }

        return start;
    }

    internal static string? Find(string program) => program.Contains('/', StringComparison.Ordinal)
        ? (File.Exists(program) ? program : null)
        : $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin"
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    private static string Line(string file, IReadOnlyList<string> arguments) => $"{Path.GetFileName(file)} {string.Join(' ', arguments)}";

    private static async Task WriteInputAsync(Process process, string? input)
    {
        try
        {
            if (input is not null)
            {
                await process.StandardInput.WriteAsync(input);
            }

            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // it ended without reading: its exit code and error text say why
        }
    }
}
