using System.Diagnostics;
using EdgeSync.EdgeCore.Commands.Join;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>Starts <c>edgecore run</c> in the background and waits until it is up.</summary>
internal static class AgentStart
{
    /// <summary>The environment variable that may hold the join token.</summary>
    public const string TokenVariable = "EDGESYNC_TOKEN";

    private const long MaxLog = 16 * 1024 * 1024;

    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    /// <summary>False, with the reason shown, when it did not come up.</summary>
    public static async Task<bool> StartAsync(EdgeFiles files, JoinReport report, TimeProvider time, CancellationToken cancellationToken)
    {
        if (FolderLock.IsHeld(files.Lock))
        {
            report.Show(CheckResult.Ok("agent", $"runs already{FolderLock.Describe(files.Pid)}"));
            return true;
        }

        SetLargeLogAside(files.Log);
        using var process = Process.Start(Command(files))!;
        var problem = await WaitAsync(process, files, time, cancellationToken);
        if (problem is not null)
        {
            report.Show(CheckResult.Failed("agent", problem, $"see {files.Log}; run it in the foreground: edgecore run --data-dir {files.DataDir}"));
            foreach (var line in LastLines(files.Log))
            {
                report.Say($"  | {line}");
            }

            return false;
        }

        report.Done("agent", $"is up (process {process.Id})");
        report.Say();
        report.Say("Follow its log:");
        report.Say($"  tail -f {files.Log}");
        return true;
    }

    /// <summary>The program that runs now, also where it runs as <c>dotnet edgecore.dll</c>. The token is nobody else's business.</summary>
    private static ProcessStartInfo Command(EdgeFiles files)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { UseShellExecute = false, WorkingDirectory = "/" };
        if (Path.GetFileName(program) == "dotnet")
        {
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "edgecore.dll"));
        }

        foreach (var argument in new[] { "run", "--data-dir", files.DataDir, RunCommand.DetachedOption })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment.Remove(TokenVariable);
        return start;
    }

    private static async Task<string?> WaitAsync(Process process, EdgeFiles files, TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (FolderLock.ReadPid(files.Ready) != process.Id)
        {
            if (process.HasExited)
            {
                return $"ended at once, with exit code {process.ExitCode}";
            }

            if (time.GetElapsedTime(started) > s_deadline)
            {
                return $"runs (process {process.Id}) and did not come up within {s_deadline.TotalSeconds:0} s";
            }

            await Task.Delay(s_interval, time, cancellationToken);
        }

        return null;
    }

    private static void SetLargeLogAside(string log)
    {
        if (File.Exists(log) && new FileInfo(log).Length > MaxLog)
        {
            File.Move(log, log + ".1", overwrite: true);
        }
    }

    private static IEnumerable<string> LastLines(string log)
    {
        const int lines = 10;
        return File.Exists(log) ? File.ReadLines(log).TakeLast(lines) : [];
    }
}
