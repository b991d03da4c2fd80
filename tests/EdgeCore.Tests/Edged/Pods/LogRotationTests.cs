using System.Globalization;
using System.IO.Compression;
using EdgeSync.EdgeCore.Edged;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.EdgeCore.EdgeStream;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.EdgeCore.Tests.Edged.Pods;

/// <summary>Logs that grow too long, written by a real containerd: where it says that it writes them.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class LogRotationTests(ContainerdFixture containerd)
{
    private const int LinesOfBatch = 2000;

    // a batch for each file that is made, as long as there are such
    private const string Script = """
        i=0; batch=0
        while :; do
          while [ ! -e /batch-$batch ]; do sleep 0.05; done
          batch=$((batch+1)); end=$((batch*2000))
          while [ $i -lt $end ]; do i=$((i+1)); echo line $i; done
        done
        """;

    [ContainerdFact]
    public async Task A_log_over_the_size_is_set_aside_and_the_runtime_goes_on_in_a_new_one_without_losing_a_line()
    {
        await using var host = new EdgedHost(containerd.Rig);
        var rotation = Rotation(host, "16Ki", files: 3);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("talker", Script));
        await host.RunsAsync("talker");
        var log = (await host.Cri.ContainerStatusAsync(host.ContainerId("talker"), default)).LogPath;
        Assert.StartsWith(host.Folder, log, StringComparison.Ordinal);
        using var ending = new CancellationTokenSource();
        var followed = Path.Combine(host.Folder, "followed");
        await using var follower = new FileStream(followed, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 });
        await Eventually.HoldsAsync("there is a log", () => File.Exists(log));
        var following = new LogCopy(new LogOptions { Follow = true }, _ => Task.FromResult(!ending.IsCancellationRequested), follower, TimeProvider.System)
            .RunAsync(log, default);

        await rotation.LookAsync(default);
        Assert.Equal(["0.log"], Files(log));

        await TalkAsync(batch: 1);
        await rotation.LookAsync(default);
        var first = Assert.Single(Files(log), name => name != "0.log");
        Assert.Equal(Lines(1, 1), Read(Path.Combine(Path.GetDirectoryName(log)!, first)));
        Assert.Equal(0, new FileInfo(log).Length);

        await TalkAsync(batch: 2);
        await rotation.LookAsync(default);
        Assert.Equal(["0.log", first + ".gz"], Files(log)[..2]);
        Assert.Equal(3, Files(log).Length);

        // the oldest goes before there are more files than allowed
        await TalkAsync(batch: 3);
        await rotation.LookAsync(default);
        await TalkAsync(batch: 4);
        var files = Files(log);
        Assert.Equal(3, files.Length);
        Assert.DoesNotContain(first + ".gz", files);
        Assert.Equal(Lines(2, 4), files[1..].Append(files[0]).SelectMany(name => Read(Path.Combine(Path.GetDirectoryName(log)!, name))));

        await ending.CancelAsync();
        await following.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(Lines(1, 4), await File.ReadAllLinesAsync(followed));

        // the agent looks each 10 s, and who follows a log each 0.2 s: he has seen what is set aside
        async Task TalkAsync(int batch)
        {
            await LogRotationTests.TalkAsync(host, "talker", log, batch);
            await Eventually.HoldsAsync("the follower is there too", () => ReadShared(followed).EndsWith($"{Lines(batch, batch).Last()}\n", StringComparison.Ordinal));
        }
    }

    [ContainerdFact]
    public async Task The_log_of_a_containers_second_life_is_its_own()
    {
        await using var host = new EdgedHost(containerd.Rig);
        var rotation = Rotation(host, "16Ki", files: 3);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("twice", Script));
        await host.RunsAsync("twice");
        var first = (await host.Cri.ContainerStatusAsync(host.ContainerId("twice"), default)).LogPath;
        await TalkAsync(host, "twice", first, batch: 1);
        await host.Cri.StopContainerAsync(host.ContainerId("twice"), TimeSpan.Zero, default);
        await host.HasAsync("twice", "runs again", s => s.ContainerStatuses is [{ RestartCount: 1, Ready: true }]);
        var second = (await host.Cri.ContainerStatusAsync(host.ContainerId("twice"), default)).LogPath;
        Assert.NotEqual(first, second);
        await TalkAsync(host, "twice", second, batch: 1);

        await rotation.LookAsync(default);

        // that of the first life is written no more, and stays as it is for `kubectl logs --previous`
        Assert.Equal(["0.log", "1.log"], Files(first).Where(name => name.EndsWith(".log", StringComparison.Ordinal)));
        Assert.Equal(Lines(1, 1), Read(first));
        var aside = Assert.Single(Files(second), name => !name.EndsWith(".log", StringComparison.Ordinal));
        Assert.StartsWith("1.log.", aside, StringComparison.Ordinal);
        Assert.Equal(Lines(1, 1), Read(Path.Combine(Path.GetDirectoryName(second)!, aside)));
    }

    private static LogRotation Rotation(EdgedHost host, string size, int files)
    {
        var settings = EdgedSettings.From(host.Config);
        return new LogRotation(
            host.Cri, settings with { Kubelet = settings.Kubelet with { ContainerLogMaxSize = size, ContainerLogMaxFiles = files } },
            TimeProvider.System, NullLogger<LogRotation>.Instance);
    }

    /// <summary>Lets the pod write, until its last line is in the log.</summary>
    private static async Task TalkAsync(EdgedHost host, string pod, string log, int batch)
    {
        await host.ExecAsync(pod, "touch", $"/batch-{batch - 1}");
        var last = Lines(batch, batch).Last();
        await Eventually.HoldsAsync($"the log ends with {last}", () => Read(log).LastOrDefault() == last);
        Assert.True(new FileInfo(log).Length > 16 * 1024);
    }

    private static IEnumerable<string> Lines(int firstBatch, int lastBatch) => Enumerable
        .Range(((firstBatch - 1) * LinesOfBatch) + 1, (lastBatch - firstBatch + 1) * LinesOfBatch)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"line {i}"));

    /// <summary>Of the container's folder, by name: 0.log first, then those set aside, oldest first.</summary>
    private static string[] Files(string log) =>
        [.. Directory.GetFiles(Path.GetDirectoryName(log)!).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    /// <summary>The words of a log, each line's <c>TIME STREAM TAG</c> left out.</summary>
    private static string[] Read(string path)
    {
        return [.. ReadShared(path).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', 4) is [_, _, _, var text] ? text : "")];
    }

    private static string ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
