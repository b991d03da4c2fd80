using System.Diagnostics;
using System.Globalization;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>
/// This program once more, as a process that holds one side of the measured links. It ends with its input, so also when
/// this process dies.
/// </summary>
internal sealed class HelperProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_slack = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_exitLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    private HelperProcess(Process process) => _process = process;

    public int Pid => _process.Id;

    public static HelperProcess Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return new HelperProcess(Process.Start(start) ?? throw new InvalidOperationException("the helper process did not start"));
    }

    /// <summary>The next line that it writes.</summary>
    public async Task<string> ReadAsync(TimeSpan limit)
    {
        using var deadline = new CancellationTokenSource(limit + s_slack);
        return await _process.StandardOutput.ReadLineAsync(deadline.Token)
            ?? throw new InvalidOperationException("the helper process ended early");
    }

    /// <summary>Gives a command and waits for its answer.</summary>
    /// <returns>The answer's numbers.</returns>
    public async Task<long[]> DoAsync(string command, TimeSpan limit)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
        var words = (await ReadAsync(limit)).Split(' ');
        if (words[0] != "ok")
        {
            throw new InvalidOperationException($"{command}: {string.Join(' ', words)}");
        }

        return [.. words.Skip(1).TakeWhile(w => long.TryParse(w, out _)).Select(w => long.Parse(w, CultureInfo.InvariantCulture))];
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            using var deadline = new CancellationTokenSource(s_exitLimit);
            await _process.WaitForExitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
