using System.Globalization;
using System.IO.Compression;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using ContainerState = EdgeSync.EdgeCore.Edged.Cri.ContainerState;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// Sets logs of running containers aside when they grow too long, as the kubelet does: <c>0.log</c> becomes <c>0.log.TIME</c>, the runtime
/// opens a new one, older ones are compressed, the oldest go. Looks every ten seconds.
/// </summary>
internal sealed partial class LogRotation(CriClient cri, EdgedSettings settings, TimeProvider time, ILogger<LogRotation> logger)
{
    private const string Compressed = ".gz";
    private const string Unfinished = ".tmp";
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(10);

    private readonly long _maxBytes = Quantity.TryParse(settings.Kubelet.ContainerLogMaxSize, out var size) ? size.Whole : long.MaxValue;

    /// <summary>Looks at all logs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(s_period, time, cancellationToken);
            try
            {
                await LookAsync(cancellationToken);
            }
            catch (CriException e)
            {
                LogAway(e.Message); // it is asked again at the next look
            }
        }
    }

    /// <summary>One look.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        var labels = new Dictionary<string, string> { [PodLabels.Node] = settings.NodeName };
        foreach (var container in await cri.ListContainersAsync(labels, cancellationToken))
        {
            var path = PathOf(container);
            if (container.State != ContainerState.ContainerRunning || !IsTooLong(path))
            {
                continue;
            }

            try
            {
                await RotateAsync(container.Id, path, cancellationToken);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CriException)
            {
                LogFailed(path, e.Message);
            }
        }
    }

    private string PathOf(Cri.Container container) => Path.Combine(
        SandboxOptions.LogFolder(
            Label(container, PodLabels.PodNamespace), Label(container, PodLabels.PodName), Label(container, PodLabels.PodUid), settings),
        ContainerOptions.LogPath(Label(container, PodLabels.ContainerName), (int)container.Metadata.Attempt));

    private static string Label(Cri.Container container, string name) => container.Labels.TryGetValue(name, out var value) ? value : "";

    private bool IsTooLong(string path) => new FileInfo(path) is { Exists: true } file && file.Length > _maxBytes;

    private async Task RotateAsync(string id, string path, CancellationToken cancellationToken)
    {
        // room first: what is too much goes before another one comes
        var aside = Aside(path);
        var keep = settings.Kubelet.ContainerLogMaxFiles - 2; // beside the one that is written and the one that is set aside now
        foreach (var old in aside.Take(Math.Max(0, aside.Count - keep)))
        {
            File.Delete(old);
        }

        foreach (var old in aside.Skip(Math.Max(0, aside.Count - keep)).Where(f => !f.EndsWith(Compressed, StringComparison.Ordinal)))
        {
            await CompressAsync(old, cancellationToken);
        }

        var name = $"{path}.{time.GetUtcNow().UtcDateTime.ToString("yyyyMMdd-HHmmssfff", CultureInfo.InvariantCulture)}";
        File.Move(path, name);
        try
        {
            await cri.ReopenContainerLogAsync(id, cancellationToken);
        }
        catch (CriException)
        {
            // the runtime still writes into it: under its old name, and the next look tries again
            File.Move(name, path);
            throw;
        }

        LogRotated(path);
    }

    /// <summary>The files that were set aside, oldest first; what a crash left half compressed is removed.</summary>
    private static List<string> Aside(string path)
    {
        // a pattern "0.log.*" would be read as Windows reads it, and take 0.log for one of them
        var found = Directory.GetFiles(Path.GetDirectoryName(path)!).Where(f => f.StartsWith(path + ".", StringComparison.Ordinal)).ToList();
        foreach (var unfinished in found.Where(f => f.EndsWith(Unfinished, StringComparison.Ordinal)))
        {
            File.Delete(unfinished);
        }

        return [.. found.Where(f => !f.EndsWith(Unfinished, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    private static async Task CompressAsync(string path, CancellationToken cancellationToken)
    {
        var unfinished = path + Compressed + Unfinished;
        await using (var from = File.OpenRead(path))
        await using (var to = new GZipStream(File.Create(unfinished), CompressionLevel.Fastest))
        {
            await from.CopyToAsync(to, cancellationToken);
        }

        File.Move(unfinished, path + Compressed, overwrite: true);
        File.Delete(path);
    }

    [LoggerMessage(LogLevel.Debug, "Log {File} was set aside")]
    private partial void LogRotated(string file);

    [LoggerMessage(LogLevel.Warning, "Log {File} could not be set aside: {Reason}; it is tried again")]
    private partial void LogFailed(string file, string reason);

    [LoggerMessage(LogLevel.Debug, "Logs could not be looked at: {Reason}")]
    private partial void LogAway(string reason);
}
