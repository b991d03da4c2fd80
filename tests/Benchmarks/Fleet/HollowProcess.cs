using System.Diagnostics;
using System.Globalization;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>The process of hollow edges, and what it is asked to do.</summary>
internal sealed class HollowProcess(string pki, string ports, string kind) : IAsyncDisposable
{
    private const int AtOnce = 64;
    private static readonly TimeSpan s_ready = TimeSpan.FromSeconds(30);

    private readonly HelperProcess _process = HelperProcess.Start("hollow", pki, ports, kind);

    /// <summary>Gives a command and waits for its answer.</summary>
    public Task<long[]> DoAsync(FormattableString command, TimeSpan limit) => _process.DoAsync(command.ToString(CultureInfo.InvariantCulture), limit);

    /// <summary>Brings edges up until each is in step.</summary>
    public async Task<Spread> OpenAsync(int first, int count, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        return Spread.From(await DoAsync($"open {first} {count} {AtOnce} {limit.TotalSeconds}", limit), start);
    }

    /// <summary>Cuts all links and lets all dial at once.</summary>
    public async Task<Spread> StormAsync(TimeSpan limit)
    {
        await DoAsync($"cut", s_ready);
        await Task.Delay(TimeSpan.FromSeconds(2));
        var answer = await DoAsync($"back {limit.TotalSeconds}", limit);
        return Spread.From(answer, answer[4]);
    }

    /// <summary>Does something and waits until objects that carry its mark are stored at so many edges.</summary>
    public async Task<Spread> SpreadAsync(string type, string mark, int count, Func<Task> change, TimeSpan limit)
    {
        await DoAsync($"expect {type} {count} {mark}", s_ready);
        var start = Stopwatch.GetTimestamp();
        await change();
        return Spread.From(await DoAsync($"arrived {limit.TotalSeconds}", limit), start);
    }

    /// <summary>Connected edges, failures, bytes of all links, objects held.</summary>
    public async Task<(long Connected, long Failures, long Bytes, long Held)> CountsAsync()
    {
        var answer = await DoAsync($"state", s_ready);
        return (answer[0], answer[1], answer[2], answer[3]);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
