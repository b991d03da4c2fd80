using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EdgeSync.TestKit;

/// <summary>
/// One real program that runs beside the test. What it writes goes to a file, which a failed test can show; disposing
/// kills it.
/// </summary>
public sealed class ProgramsProcess : IAsyncDisposable
{
    private const int SigKill = 9;
    private const int SigTerm = 15;

    private static readonly TimeSpan s_exitLimit = TimeSpan.FromSeconds(40);

    private readonly string _name;
    private readonly Process _process;
    private readonly Task _output;
    private readonly Task _error;

    private ProgramsProcess(string name, string logFile, Process process)
    {
        _name = name;
        LogFile = logFile;
        _process = process;
        var file = new FileStream(logFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        var log = TextWriter.Synchronized(new StreamWriter(file) { AutoFlush = true });
        _output = CopyAsync(process.StandardOutput, log);
        _error = CopyAsync(process.StandardError, log);
    }

    public string LogFile { get; }

    public int Pid => _process.Id;

    public bool IsRunning => !_process.HasExited;

    public int ExitCode => _process.ExitCode;

    public static ProgramsProcess Start(
        string file, IReadOnlyList<string> arguments, string logFile, ProgramsPlace? place = null)
    {
        var process = Process.Start(ProgramsCommand.StartInfo(file, arguments, null, place))
            ?? throw new InvalidOperationException($"{file} did not start");
        return new ProgramsProcess(Path.GetFileName(file), logFile, process);
    }

    /// <summary>SIGTERM, then its orderly end.</summary>
    /// <exception cref="TimeoutException">It did not end in time; it is killed then.</exception>
    public Task<int> TerminateAsync() => SignalAsync(SigTerm);

    /// <summary>SIGKILL: no chance to write or to say goodbye.</summary>
    public Task<int> KillAsync() => SignalAsync(SigKill);

    /// <summary>Waits for the program to end by itself.</summary>
    public async Task<int> ExitAsync(TimeSpan? limit = null)
    {
        using var deadline = new CancellationTokenSource(limit ?? s_exitLimit);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
            await Task.WhenAll(_output, _error).WaitAsync(deadline.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_name} (pid {Pid}) did not end within {(limit ?? s_exitLimit).TotalSeconds:0.#} s\n{LogTail()}");
        }
    }

    /// <summary>The last lines of what it wrote, with a heading: for a failure's message.</summary>
    public string LogTail(int lines = 40) => LogTail(LogFile, lines);

    public static string LogTail(string file, int lines = 40)
    {
        if (!File.Exists(file))
        {
            return $"--- {file}: nothing was written";
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return $"--- the last lines of {file}\n{string.Join('\n', reader.ReadToEnd().TrimEnd().Split('\n').TakeLast(lines))}\n---";
    }

    public async ValueTask DisposeAsync()
    {
        if (IsRunning)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private static async Task CopyAsync(StreamReader from, TextWriter to)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            await to.WriteLineAsync(line);
        }
    }

    private async Task<int> SignalAsync(int signal)
    {
        if (IsRunning)
        {
            // ESRCH (it ended meanwhile) is what was asked for
            _ = SendSignal(Pid, signal);
        }

        try
        {
            return await ExitAsync();
        }
        catch (TimeoutException) when (signal != SigKill)
        {
            _ = SendSignal(Pid, SigKill);
            throw;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int pid, int signal);
}
