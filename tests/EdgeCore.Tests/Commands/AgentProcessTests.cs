using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EdgeSync.CloudCore.Tests.Enrollment;
using EdgeSync.EdgeCore.Commands;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Commands;

/// <summary>The real edgecore, as a process: joined, started in the background, looked at from outside, and reset.</summary>
public sealed class AgentProcessTests
{
    [Fact]
    public async Task A_box_joins_starts_its_agent_in_the_background_and_is_reset()
    {
        using var box = new JoinBox();
        await using var host = await EnrollmentHost.StartAsync();
        var token = JoinBox.TokenOf(host);
        var environment = new Dictionary<string, string> { ["EDGESYNC_TOKEN"] = token };
        var arguments = box.Arguments(host, token: "");
        try
        {
            // the box's socket takes connections and is no runtime, which the program finds out
            var refused = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, arguments, environment);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("does not speak CRI v1", refused.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(token[65..], refused.Text, StringComparison.Ordinal);
            Assert.False(Directory.Exists(box.Files.DataDir));
            Assert.Equal(0, (await box.JoinAsync(host, token)).ExitCode);
            await ChoosePortAsync(box);

            var started = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, [.. arguments, "--start"], environment, limit: TimeSpan.FromSeconds(90));

            Assert.True(started.Succeeded, started.Text);
            Assert.Contains($"tail -f {box.Files.Log}", started.Output, StringComparison.Ordinal);
            var pid = AgentProcess.Of(box.Files);
            Assert.NotNull(pid);
            await LooksRightAsync(pid.Value, token);

            var again = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, [.. arguments, "--start"]);
            Assert.Contains($"runs already (process {pid})", again.Output, StringComparison.Ordinal);
            var second = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, ["run", "--data-dir", box.Files.DataDir]);
            Assert.Equal(1, second.ExitCode);
            Assert.Contains($"an agent runs on {box.Files.DataDir} already (process {pid})", second.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(token[65..], await File.ReadAllTextAsync(box.Files.Log), StringComparison.Ordinal);

            var reset = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, ["reset", "--data-dir", box.Files.DataDir, "--force", "--skip-pods"], limit: TimeSpan.FromSeconds(60));

            Assert.True(reset.Succeeded, reset.Text);
            Assert.Contains($"Stopping the agent (process {pid})", reset.Output, StringComparison.Ordinal);
            Assert.False(Directory.Exists(box.Files.DataDir), reset.Text);
            await Eventually.HoldsAsync("the agent has ended", () => !IsAlive(pid.Value));
        }
        finally
        {
            await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, ["reset", "--data-dir", box.Files.DataDir, "--force", "--skip-pods"], limit: TimeSpan.FromSeconds(90));
        }
    }

    [Fact]
    public async Task An_agent_that_does_not_come_up_is_told_with_the_end_of_its_log()
    {
        using var box = new JoinBox();
        await using var host = await EnrollmentHost.StartAsync();
        Assert.Equal(0, (await box.JoinAsync(host)).ExitCode);
        var arguments = box.Arguments(host, token: "");
        await File.WriteAllTextAsync(box.Files.Config, (await File.ReadAllTextAsync(box.Files.Config)).Replace("127.0.0.1:10550", "192.0.2.77:1", StringComparison.Ordinal));

        var started = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, [.. arguments, "--start"], limit: TimeSpan.FromSeconds(90));

        Assert.Equal(1, started.ExitCode);
        Assert.Contains("FAIL  agent        ended at once", started.Output, StringComparison.Ordinal);
        Assert.Contains(box.Files.Log, started.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_told_in_one_line()
    {
        using var box = new JoinBox();
        await using var host = await EnrollmentHost.StartAsync();
        Assert.Equal(0, (await box.JoinAsync(host)).ExitCode);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var text = await File.ReadAllTextAsync(box.Files.Config);
        await File.WriteAllTextAsync(box.Files.Config, text.Replace("127.0.0.1:10550", $"{taken.LocalEndpoint}", StringComparison.Ordinal));

        var result = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, ["run", "--data-dir", box.Files.DataDir], limit: TimeSpan.FromSeconds(90));

        Assert.Equal(1, result.ExitCode);
        Assert.DoesNotContain("   at ", result.Text, StringComparison.Ordinal);
        Assert.Matches($@"^edgecore: .*{taken.LocalEndpoint}: address already in use\.\n$", result.Error);
    }

    private static async Task LooksRightAsync(int pid, string token)
    {
        var secret = token[65..];
        Assert.DoesNotContain(secret, await File.ReadAllTextAsync($"/proc/{pid}/cmdline"), StringComparison.Ordinal);
        Assert.DoesNotContain(secret, await File.ReadAllTextAsync($"/proc/{pid}/environ"), StringComparison.Ordinal);

        // pid (name) state parent group session …: a session of its own, which no closing terminal ends
        var stat = await File.ReadAllTextAsync($"/proc/{pid}/stat");
        Assert.Equal(pid.ToString(CultureInfo.InvariantCulture), stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3]);
    }

    /// <summary>Nobody reaps a process whose parent has ended but init, which a container may lack: a zombie counts as ended.</summary>
    private static bool IsAlive(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The port that apps on the box ask is fixed by default, and other tests' agents run beside this one.</summary>
    private static async Task ChoosePortAsync(JoinBox box)
    {
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        var text = await File.ReadAllTextAsync(box.Files.Config);
        await File.WriteAllTextAsync(box.Files.Config, text.Replace("127.0.0.1:10550", "127.0.0.1:" + port, StringComparison.Ordinal));
    }
}
