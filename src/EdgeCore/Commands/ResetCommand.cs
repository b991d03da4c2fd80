using System.CommandLine;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.Commands;

/// <summary><c>edgecore reset</c>: makes this box no node any more. The hub's objects are left alone.</summary>
internal static class ResetCommand
{
    public static Command Create(EdgeCoreParts parts)
    {
        var dataDir = EdgeCoreCommands.DataDirOption();
        var force = new Option<bool>("--force") { Description = "Do not ask." };
        var skipPods = new Option<bool>("--skip-pods") { Description = "Leave the pods alone: for a box whose container runtime is gone for good." };
        var command = new Command(
            "reset",
            """
            Undoes join: stops the agent, removes its pods, and removes what join and run wrote below the data folder.
            Nothing is changed in the cloud. Safe to run again.

            Examples:
              edgecore reset --data-dir /var/lib/edgesync
              edgecore reset --data-dir /var/lib/edgesync --force
            """)
        {
            dataDir,
            force,
            skipPods,
        };
        command.SetAction((result, cancellationToken) => ResetAsync(
            new EdgeFiles(Path.GetFullPath(result.GetRequiredValue(dataDir))),
            result.GetValue(force),
            result.GetValue(skipPods) ? parts with { RemovePods = null } : parts,
            cancellationToken));
        return command;
    }

    private static async Task<int> ResetAsync(EdgeFiles files, bool force, EdgeCoreParts parts, CancellationToken cancellationToken)
    {
        var output = parts.Output;
        var remains = new Remains(files);
        if (!remains.Any())
        {
            await output.WriteLineAsync($"{files.DataDir} holds nothing of an agent; there is nothing to reset.");
            return 0;
        }

        var config = EdgeCoreConfigFile.Load(files).Config;
        var node = config?.Modules.Edged.HostnameOverride;
        if (!force && !await ConfirmAsync(files, node, parts, cancellationToken))
        {
            return 1;
        }

        await AgentStop.StopAsync(files, output, parts.Time, cancellationToken);
        await RemovePodsAsync(config, parts, cancellationToken);
        remains.Remove();
        await output.WriteLineAsync($"Removed what was the agent's below {files.DataDir}.");
        foreach (var left in remains.Left)
        {
            await output.WriteLineAsync($"  left: {left}");
        }

        await output.WriteLineAsync($"Nothing was changed in the cloud. To remove the node there too: kubectl delete node {node ?? "NAME"}");
        return 0;
    }

    private static async Task<bool> ConfirmAsync(EdgeFiles files, string? node, EdgeCoreParts parts, CancellationToken cancellationToken)
    {
        if (!parts.Interactive)
        {
            throw new CommandFailedException("reset asks before it removes anything, and nobody can answer here; give --force if you are sure");
        }

        await parts.Output.WriteAsync($"This stops the agent{(node is null ? "" : $" of node {node}")}, removes its pods with their volumes, and its data below {files.DataDir}. Go on? [y/N] ");
        await parts.Output.FlushAsync(cancellationToken);
        var answer = (await parts.Input.ReadLineAsync(cancellationToken))?.Trim();
        if (string.Equals(answer, "y", StringComparison.OrdinalIgnoreCase) || string.Equals(answer, "yes", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        await parts.Output.WriteLineAsync("Nothing was changed.");
        return false;
    }

    private static async Task RemovePodsAsync(EdgeCoreConfig? config, EdgeCoreParts parts, CancellationToken cancellationToken)
    {
        if (config is null || parts.RemovePods is null)
        {
            var reason = config is null ? "edgecore.yaml, which says where they run, cannot be used" : "they were to be left alone";
            await parts.Output.WriteLineAsync($"Pods were not removed: {reason}. Look with: crictl pods");
            return;
        }

        try
        {
            await parts.RemovePods(config, cancellationToken);
            await parts.Output.WriteLineAsync("Removed the node's pods.");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandFailedException($"the node's pods could not be removed, so its data was left: {e.Message}. Start the container runtime and run reset again, or, if it is gone for good, add --skip-pods");
        }
    }
}
