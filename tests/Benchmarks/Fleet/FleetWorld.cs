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
    private static readonly TimeSpan s_ready = TimeSpan.FromSeconds(30);

    private readonly HelperProcess? _bare;

    private FleetWorld(ProgramsCloud cloud, HollowProcess hollow, HelperProcess? bare)
    {
        Cloud = cloud;
        Hollow = hollow;
        _bare = bare;
        Api = new FleetApi(AdminClient.Create(cloud));
    }

    public ProgramsCloud Cloud { get; }

    public HollowProcess Hollow { get; }

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
        var spread = await Hollow.OpenAsync(first, count, limit);
        return spread.Count == count ? spread : throw new TimeoutException(
            $"{spread.Count} of {count} edges were in step within {limit.TotalSeconds:0} s; the first failure: {await StateAsync()}\n{Cloud.LogTail()}");
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
        var counts = await Hollow.CountsAsync();
        return $"{counts.Connected} connected, {counts.Failures} failures";
    }

    private List<string> ReadLog()
    {
        using var stream = new FileStream(Cloud.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n')];
    }

    private static HollowProcess StartHollow(ProgramsCloud cloud, int port, string kind) =>
        new(Pki(cloud), port.ToString(CultureInfo.InvariantCulture), kind);

    private static string Pki(ProgramsCloud cloud) => Path.Combine(cloud.DataFolder, "pki");
}
