using System.Diagnostics;
using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>When a part of a fleet was through, in seconds from a start.</summary>
internal readonly record struct Spread(int Count, double Half, double Most, double Last)
{
    /// <summary>Of an answer of the hollow edges' process: count and three Stopwatch ticks.</summary>
    public static Spread From(long[] answer, long start)
    {
        double Seconds(long ticks) => Stopwatch.GetElapsedTime(start, ticks).TotalSeconds;
        return new Spread((int)answer[0], Seconds(answer[1]), Seconds(answer[2]), Seconds(answer[3]));
    }
}

/// <summary>A new cloud and a process of hollow edges, and for comparison a bare server with the same clients.</summary>
internal sealed class FleetWorld : IAsyncDisposable
{
    private const int AtOnce = 64;
    private static readonly TimeSpan s_ready = TimeSpan.FromSeconds(30);

    private readonly HelperProcess? _bare;

    private FleetWorld(ProgramsCloud cloud, HelperProcess hollow, HelperProcess? bare)
    {
        Cloud = cloud;
        Hollow = hollow;
        _bare = bare;
        Api = new FleetApi(AdminClient.Create(cloud));
    }

    public ProgramsCloud Cloud { get; }

    public HelperProcess Hollow { get; }

    public FleetApi Api { get; }

    /// <summary>The process that the links end in.</summary>
    public int ServerPid => _bare?.Pid ?? Cloud.Pid;

    /// <param name="compresses">Whether the edges offer compression, as the agent does.</param>
    public static async Task<FleetWorld> StartAsync(bool compresses = true)
    {
        var cloud = await ProgramsCloud.StartNewAsync();
        return new FleetWorld(cloud, StartHollow(cloud, cloud.HubPort, compresses ? "hub" : "plain"), null);
    }

    /// <summary>The same with a bare server in the hub's place; the cloud only lends its CA.</summary>
    public static async Task<FleetWorld> StartBareAsync()
    {
        var cloud = await ProgramsCloud.StartNewAsync();
        var port = FreePort.Next();
        var bare = HelperProcess.Start("bare", Pki(cloud), port.ToString(CultureInfo.InvariantCulture));
        await bare.ReadAsync(s_ready);
        return new FleetWorld(cloud, StartHollow(cloud, port, "bare"), bare);
    }

    /// <summary>Brings edges up until there are so many.</summary>
    public async Task<Spread> OpenAsync(int first, int count, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        var spread = Spread.From(await Hollow.DoAsync(Line($"open {first} {count} {AtOnce} {limit.TotalSeconds}"), limit), start);
        return spread.Count == count ? spread : throw new TimeoutException(
            $"{spread.Count} of {count} edges were in step within {limit.TotalSeconds:0} s; the first failure: {await StateAsync()}\n{Cloud.LogTail()}");
    }

    /// <summary>Cuts all links and lets all dial at once.</summary>
    public async Task<Spread> StormAsync(TimeSpan limit)
    {
        await Hollow.DoAsync("cut", s_ready);
        await Task.Delay(TimeSpan.FromSeconds(2));
        var answer = await Hollow.DoAsync(Line($"back {limit.TotalSeconds}"), limit);
        return Spread.From(answer, answer[4]);
    }

    /// <summary>Does something and waits until objects that carry its mark are stored at so many edges.</summary>
    public async Task<Spread> SpreadAsync(string type, string mark, int count, Func<Task> change, TimeSpan limit)
    {
        await Hollow.DoAsync(Line($"expect {type} {count} {mark}"), s_ready);
        var start = Stopwatch.GetTimestamp();
        await change();
        return Spread.From(await Hollow.DoAsync(Line($"arrived {limit.TotalSeconds}"), limit), start);
    }

    /// <summary>Connected edges, failures, bytes of all links, objects held.</summary>
    public async Task<(long Connected, long Failures, long Bytes, long Held)> CountsAsync()
    {
        var answer = await Hollow.DoAsync("state", s_ready);
        return (answer[0], answer[1], answer[2], answer[3]);
    }

    /// <summary>How often the node lifecycle controller took a node for dead.</summary>
    public int MarkedUnreachable() => ReadLog().Count(l => l.Contains("is marked unreachable", StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        await Hollow.DisposeAsync();
        if (_bare is not null)
        {
            await _bare.DisposeAsync();
        }

        Api.Dispose();
        await Cloud.DisposeAsync();
    }

    private async Task<string> StateAsync()
    {
        var counts = await CountsAsync();
        return $"{counts.Connected} connected, {counts.Failures} failures";
    }

    private List<string> ReadLog()
    {
        using var stream = new FileStream(Cloud.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n')];
    }

    private static HelperProcess StartHollow(ProgramsCloud cloud, int port, string kind) =>
        HelperProcess.Start("hollow", Pki(cloud), port.ToString(CultureInfo.InvariantCulture), kind);

    private static string Pki(ProgramsCloud cloud) => Path.Combine(cloud.DataFolder, "pki");

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
