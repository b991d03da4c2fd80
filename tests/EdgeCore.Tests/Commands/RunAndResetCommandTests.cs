using EdgeSync.EdgeCore.Commands;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Tests.Configuration;
using EdgeSync.Hosting;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Commands;

public sealed class RunAndResetCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly EdgeFiles _files;

    public RunAndResetCommandTests()
    {
        _files = new EdgeFiles(_folder.File("edge"));
        Directory.CreateDirectory(_files.Pki);
        File.WriteAllText(_files.Key, "key");
        File.WriteAllText(_files.Database, "db");
        File.WriteAllText(_files.Database + ".damaged-20260101T000000Z", "db");
        File.WriteAllText(_files.Config, EdgeCoreConfigFile.Render(EdgeCoreConfigFileTests.Joined()));
        Directory.CreateDirectory(Path.Combine(_files.KubeletRoot, "pods", "uid"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Two_agents_never_run_on_one_data_folder()
    {
        var running = new TaskCompletionSource();
        var stop = new TaskCompletionSource<int>();
        var first = EdgeCommand.RunAsync(
            EdgeCommand.Parts with
            {
                RunAsync = (run, _) =>
                {
                    run.Ready();
                    running.SetResult();
                    return stop.Task;
                },
            },
            "run", "--data-dir", _files.DataDir);
        await running.Task.WaitAsync(Eventually.DefaultDeadline);
        Assert.Equal(Environment.ProcessId, FolderLock.ReadPid(_files.Ready));

        var second = await EdgeCommand.RunAsync("run", "--data-dir", _files.DataDir);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"an agent runs on {_files.DataDir} already (process {Environment.ProcessId})", second.Error, StringComparison.Ordinal);
        stop.SetResult(0);
        Assert.Equal(0, (await first).ExitCode);
        Assert.False(File.Exists(_files.Pid));
        Assert.False(File.Exists(_files.Ready));
        Assert.Equal(0, (await EdgeCommand.RunAsync("run", "--data-dir", _files.DataDir)).ExitCode);
    }

    [Fact]
    public async Task Run_gets_the_configuration_with_names_resolved()
    {
        EdgeCoreRun? seen = null;

        await EdgeCommand.RunAsync(
            EdgeCommand.Parts with
            {
                RunAsync = (run, _) =>
                {
                    seen = run;
                    return Task.FromResult(0);
                },
            },
            "run", "--data-dir", _files.DataDir);

        Assert.Equal(_files.Database, seen!.Config.Database.DataSource);
    }

    [Fact]
    public async Task A_box_that_has_not_joined_is_told_how()
    {
        var result = await EdgeCommand.RunAsync("run", "--data-dir", _folder.File("empty"));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("edgecore join", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_cannot_be_used_is_named_with_all_its_problems()
    {
        await File.WriteAllTextAsync(_files.Config, "kind: X\nmodules: {edged: {hostnameOverride: A}}\n");

        var result = await EdgeCommand.RunAsync("run", "--data-dir", _files.DataDir);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(_files.Config, result.Error, StringComparison.Ordinal);
        Assert.Contains("kind (line 1)", result.Error, StringComparison.Ordinal);
        Assert.Contains("modules.edgeHub.websocket.server", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reset_removes_the_pods_and_everything_of_the_agent_and_again_finds_nothing()
    {
        EdgeCoreConfig? removedFor = null;
        var parts = EdgeCommand.Parts with
        {
            RemovePods = (config, _) =>
            {
                removedFor = config;
                Assert.True(File.Exists(_files.Key));
                return Task.CompletedTask;
            },
        };

        var result = await EdgeCommand.RunAsync(parts, "reset", "--data-dir", _files.DataDir, "--force");
        var again = await EdgeCommand.RunAsync(parts, "reset", "--data-dir", _files.DataDir, "--force");

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal("edge-1", removedFor!.Modules.Edged.HostnameOverride);
        Assert.Contains("Nothing was changed in the cloud", result.Output, StringComparison.Ordinal);
        Assert.Contains("kubectl delete node edge-1", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_files.DataDir));
        Assert.Equal(0, again.ExitCode);
        Assert.Contains("nothing to reset", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reset_leaves_what_is_not_the_agents_and_names_it()
    {
        var mine = Path.Combine(_files.DataDir, "notes.txt");
        var myKey = Path.Combine(_files.Pki, "my.key");
        await File.WriteAllTextAsync(mine, "mine");
        await File.WriteAllTextAsync(myKey, "mine");

        var result = await ResetAsync();

        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"left: {mine} (not the agent's)", result.Output, StringComparison.Ordinal);
        Assert.Contains($"left: {myKey} (not the agent's)", result.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(mine));
        Assert.False(File.Exists(_files.Key));
        Assert.False(File.Exists(_files.Config));
        Assert.False(Directory.Exists(_files.KubeletRoot));
    }

    [Fact]
    public async Task Reset_removes_links_and_never_follows_them()
    {
        var outside = Directory.CreateDirectory(_folder.File("outside")).FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "precious"), "");
        Directory.CreateSymbolicLink(Path.Combine(_files.KubeletRoot, "pods", "link"), outside);
        Directory.CreateSymbolicLink(_files.PodLogs, outside);
        File.CreateSymbolicLink(_files.Log, Path.Combine(outside, "precious"));

        Assert.Equal(0, (await ResetAsync()).ExitCode);

        Assert.True(File.Exists(Path.Combine(outside, "precious")));
        Assert.False(Directory.Exists(_files.DataDir));
    }

    [Fact]
    public async Task Reset_where_pki_itself_is_a_link_leaves_what_it_points_to()
    {
        var outside = Directory.CreateDirectory(_folder.File("outside")).FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "node.key"), "another's");
        Directory.Delete(_files.Pki, recursive: true);
        Directory.CreateSymbolicLink(_files.Pki, outside);

        Assert.Equal(0, (await ResetAsync()).ExitCode);

        Assert.True(File.Exists(Path.Combine(outside, "node.key")));
        Assert.False(Directory.Exists(_files.DataDir));
    }

    [Fact]
    public async Task Reset_asks_only_where_somebody_can_answer()
    {
        var nobody = await EdgeCommand.RunAsync("reset", "--data-dir", _files.DataDir);
        using var no = new StringReader("n\n");
        using var yes = new StringReader("yes\n");
        var refused = await EdgeCommand.RunAsync(EdgeCommand.Parts with { Interactive = true, Input = no }, "reset", "--data-dir", _files.DataDir);

        Assert.Equal(1, nobody.ExitCode);
        Assert.Contains("--force", nobody.Error, StringComparison.Ordinal);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("Nothing was changed", refused.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(_files.Key));

        var agreed = await EdgeCommand.RunAsync(EdgeCommand.Parts with { Interactive = true, Input = yes }, "reset", "--data-dir", _files.DataDir);
        Assert.Equal(0, agreed.ExitCode);
        Assert.False(Directory.Exists(_files.DataDir));
    }

    [Fact]
    public async Task Pods_that_cannot_be_removed_keep_the_data_for_another_try()
    {
        var parts = EdgeCommand.Parts with { RemovePods = (_, _) => throw new InvalidOperationException("the runtime is away") };

        var failed = await EdgeCommand.RunAsync(parts, "reset", "--data-dir", _files.DataDir, "--force");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("the runtime is away", failed.Error, StringComparison.Ordinal);
        Assert.Contains("--skip-pods", failed.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(_files.Config));

        Assert.Equal(0, (await EdgeCommand.RunAsync(parts, "reset", "--data-dir", _files.DataDir, "--force", "--skip-pods")).ExitCode);
        Assert.False(Directory.Exists(_files.DataDir));
    }

    [Fact]
    public async Task An_agent_that_does_not_say_who_it_is_is_not_killed()
    {
        using var held = FolderLock.TryTake(_files.Lock, _files.Pid)!;
        held.WritePid(_files.Pid); // this process: the lock's true holder, but no edgecore

        var result = await ResetAsync();

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("does not say which process", result.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(_files.Config));
    }

    [Fact]
    public void Mount_points_below_a_folder_are_found()
    {
        Assert.Contains("/proc", MountPoints.Below("/proc"));
        Assert.Empty(MountPoints.Below(_files.DataDir));
    }

    [Theory]
    [InlineData("--version")]
    [InlineData("version")]
    public async Task The_version_is_told(string argument)
    {
        var result = await EdgeCommand.RunAsync(argument);

        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"^edgecore \d+\.\d+\.\d+\n$", result.Output);
    }

    [Theory]
    [InlineData("join")]
    [InlineData("run")]
    [InlineData("reset")]
    public async Task Help_has_examples(string command)
    {
        var result = await EdgeCommand.RunAsync(command, "--help");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"  edgecore {command} --", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("--detached", result.Output, StringComparison.Ordinal);
    }

    private Task<CommandOutcome> ResetAsync() => EdgeCommand.RunAsync("reset", "--data-dir", _files.DataDir, "--force");
}
