using EdgeSync.CloudCore.Commands;

namespace EdgeSync.CloudCore.Tests.Commands;

/// <summary>cloudcore's command line, called in this process with its output caught.</summary>
internal static class CloudCommand
{
    public static Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] args) => RunAsync(isTerminal: true, args);

    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(bool isTerminal, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CloudCoreCommands.InvokeAsync(
            args,
            new CloudCoreParts
            {
                RunAsync = (run, _) =>
                {
                    output.WriteLine($"runs on {run.Files.DataDir} embedded={run.Config.Modules.EmbeddedApi.Enable} kubeconfig={run.Config.KubeAPIConfig.KubeConfig}");
                    return Task.FromResult(0);
                },
                Output = output,
                Error = error,
                IsTerminal = isTerminal,
            },
            CancellationToken.None);
        return (exitCode, output.ToString(), error.ToString());
    }
}
