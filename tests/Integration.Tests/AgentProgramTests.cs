using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests;

/// <summary>What has to be on a box for the agent's program.</summary>
public sealed class AgentProgramTests
{
    [PublishedProgramFact]
    public async Task The_agent_runs_where_there_is_no_dotnet()
    {
        using var box = new TempFolder();
        var arguments = new[] { "join", "--dry-run", $"--cloudcore-ipport=127.0.0.1:{FreePort.Next()}", "--token=a.b.c.d", "--node-name=bare", "--data-dir", box.File("data") };
        var result = await ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, arguments, new Dictionary<string, string> { ["DOTNET_ROOT"] = box.Path });

        // it has dialled, and judged a token: more than a program does that finds no runtime
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("cannot be reached: Connection refused", result.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(Path.GetDirectoryName(ProgramsLocation.EdgeCore)!), file => file.EndsWith(".dll", StringComparison.Ordinal));
    }

    /// <summary>A test of what <c>./build.sh</c> makes, which the build of the solution does not.</summary>
    private sealed class PublishedProgramFactAttribute : FactAttribute
    {
        public PublishedProgramFactAttribute()
        {
            if (Environment.GetEnvironmentVariable("EDGESYNC_OUT") is null or "")
            {
                Skip = "EDGESYNC_OUT names no folder with what ./build.sh made";
            }
        }
    }
}
