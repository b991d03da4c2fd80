using System.Security.Cryptography;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>kubectl exec, attach and cp with pods on a real node.</summary>
[Collection(StreamTests.Name)]
public sealed class ExecTests(StreamWorld streams)
{
    [EndToEndTheory]
    [KubectlVersions]
    public async Task Exec_gives_output_errors_and_the_exit_code(string version)
    {
        var result = await streams.KubectlAsync(version, "exec", "app", "-c", "main", "--", "sh", "-c", "echo out; echo err >&2; exit 7");

        Assert.Equal(7, result.ExitCode);
        Assert.Equal("out\n", result.Output);
        Assert.StartsWith("err\n", result.Error, StringComparison.Ordinal);
        Assert.Equal("fine", (await streams.KubectlAsync(version, "exec", "app", "-c", "main", "--", "echo", "fine")).Expect());
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task Exec_takes_input_to_its_end(string version)
    {
        var result = await ProgramsCommand.RunAsync(
            StreamWorld.Program(version), ["exec", "-i", "app", "-c", "main", "--", "sh", "-c", "wc -c; echo read all"], streams.Environment(), new string('x', 200_000), StreamWorld.Limit);

        Assert.Equal("200000\nread all", result.Expect());
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task Exec_with_a_terminal_has_its_size_and_its_input(string version)
    {
        // script(1) gives kubectl a terminal; stty sets its size before
        var result = await ProgramsCommand.RunAsync(
            "script",
            ["-qec", $"stty rows 41 cols 97; {StreamWorld.Program(version)} exec -it app -c main -- sh -c 'i=0; while [ $i -lt 200 ] && ! stty size | grep -q 97; do sleep 0.1; i=$((i+1)); done; stty size; tty; read x; echo got $x'", "/dev/null"],
            streams.Environment(), "typed\n", StreamWorld.Limit);

        Assert.Contains("41 97", result.Output, StringComparison.Ordinal);
        Assert.Contains("/dev/pts/", result.Output, StringComparison.Ordinal);
        Assert.Contains("got typed", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, result.ExitCode);
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task Attach_reaches_the_containers_first_process(string version)
    {
        using var kubectl = streams.Start(version, "attach", "app", "-c", "main");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            var line = "";
            while (!line.StartsWith("tick ", StringComparison.Ordinal))
            {
                line = await kubectl.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException(await kubectl.StandardError.ReadToEndAsync());
            }
        }
        finally
        {
            kubectl.Kill();
            await kubectl.WaitForExitAsync();
        }
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task Attach_with_input_talks_to_the_shell(string version)
    {
        using var kubectl = streams.Start(version, "attach", "-i", "shell");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await kubectl.StandardInput.WriteLineAsync("echo $((6 * 7))");
            await kubectl.StandardInput.FlushAsync(limit.Token);
            var line = "";
            while (line.Trim() != "42")
            {
                line = await kubectl.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException(await kubectl.StandardError.ReadToEndAsync());
            }
        }
        finally
        {
            kubectl.Kill();
            await kubectl.WaitForExitAsync();
        }
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task A_file_of_fifty_megabytes_is_copied_whole_both_ways(string version)
    {
        using var folder = new TempFolder();
        var content = RandomNumberGenerator.GetBytes(50 * 1024 * 1024);
        await File.WriteAllBytesAsync(folder.File("there"), content);

        (await streams.KubectlAsync(version, "cp", folder.File("there"), $"app:/tmp/{version}", "-c", "main")).Expect();
        (await streams.KubectlAsync(version, "cp", $"app:/tmp/{version}", folder.File("back"), "-c", "main")).Expect();

        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await File.ReadAllBytesAsync(folder.File("back"))));
        (await streams.KubectlAsync(version, "exec", "app", "-c", "main", "--", "rm", $"/tmp/{version}")).Expect();
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task What_cannot_be_run_is_said_clearly(string version)
    {
        var missing = await streams.KubectlAsync(version, "exec", "app", "-c", "main", "--", "no-such-program");
        Assert.NotEqual(0, missing.ExitCode);
        Assert.Contains("no-such-program", missing.Error, StringComparison.Ordinal);

        var container = await streams.KubectlAsync(version, "exec", "app", "-c", "nope", "--", "true");
        Assert.Contains("container nope is not valid for pod app", container.Error, StringComparison.Ordinal);
    }
}
