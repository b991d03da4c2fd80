using EdgeSync.EdgeCore.Configuration;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>Runs one join: looks whether the box has joined, checks, enrolls, writes.</summary>
internal sealed class Joining(JoinWish wish, EdgeCoreParts parts, JoinReport report)
{
    /// <summary>Whether the box is a member when this returns. All failures have been shown.</summary>
    /// <param name="readToken">Gives the token; called only when one is needed.</param>
    /// <param name="dryRun">Check only.</param>
    /// <param name="cancellationToken">Ends it; nothing half-made remains.</param>
    public async Task<bool> RunAsync(Func<CancellationToken, Task<string>> readToken, bool dryRun, CancellationToken cancellationToken)
    {
        EdgeCoreConfig? present = null;
        if (File.Exists(wish.Files.Config))
        {
            present = Present();
            if (present is null)
            {
                return false;
            }

            if (Membership.CertificateProblem(present, parts.Time.GetUtcNow()) is not { } problem)
            {
                report.Show(CheckResult.Ok("joined", $"this box is already node {wish.NodeName} of hub {wish.Hub}; nothing was changed"));
                return true;
            }

            report.Show(CheckResult.Warning("joined", $"this box is already node {wish.NodeName} of hub {wish.Hub}, but its certificate is of no use: {problem}", "a new one is fetched; everything else stays"));
        }

        return await JoinAsync(await readToken(cancellationToken), present, dryRun, cancellationToken);
    }

    /// <summary>The configuration of a box that has joined under the wanted name and hub; null, with the reason shown, otherwise.</summary>
    private EdgeCoreConfig? Present()
    {
        var loaded = EdgeCoreConfigFile.Load(wish.Files);
        var reset = $"run first: edgecore reset --data-dir {wish.Files.DataDir}";
        if (loaded.Config is not { } config)
        {
            report.Show(CheckResult.Failed("joined", $"{wish.Files.Config} is there and cannot be used: {string.Join("; ", loaded.Problems)}", $"mend it, or {reset}"));
            return null;
        }

        var node = config.Modules.Edged.HostnameOverride;
        var server = config.Modules.EdgeHub.Websocket.Server;
        if (node == wish.NodeName && HostPort.TryParse(server, null, out var hub) && hub == wish.Hub)
        {
            return config;
        }

        report.Show(CheckResult.Failed("joined", $"this box has joined already, as node {node} of hub {server}", $"to join as {wish.NodeName} of {wish.Hub}, {reset}"));
        return null;
    }

    private async Task<bool> JoinAsync(string token, EdgeCoreConfig? present, bool dryRun, CancellationToken cancellationToken)
    {
        using var hubChecks = new HubChecks(wish, parts.Time);
        var runtime = LocalChecks.RuntimeAsync(wish.RuntimeEndpoint, parts.RuntimeVersion, cancellationToken);
        var broker = LocalChecks.BrokerAsync(wish.MqttServer, cancellationToken);
        var hub = await hubChecks.RunAsync(token, cancellationToken);
        CheckResult[] results = [LocalChecks.DataFolder(wish.Files), await runtime, await broker, .. hubChecks.Results];
        foreach (var result in results)
        {
            report.Show(result);
        }

        var failed = results.Count(r => r.Outcome == CheckOutcome.Failed);
        if (failed > 0 || hub is null)
        {
            report.Say();
            report.Say($"{failed} check{(failed == 1 ? "" : "s")} failed; nothing was changed.");
            return false;
        }

        if (dryRun)
        {
            report.Say();
            report.Say($"All checks passed. This was a dry run; joining would write {wish.Files.Config} and {wish.Files.Pki}/.");
            return true;
        }

        return await EnrollAsync(hub, present, cancellationToken);
    }

    private async Task<bool> EnrollAsync(VerifiedHub hub, EdgeCoreConfig? present, CancellationToken cancellationToken)
    {
        try
        {
            var (key, certificate) = await Membership.EnrollAsync(hub, wish.NodeName, cancellationToken);
            report.Done("certificate", $"signed for system:node:{wish.NodeName}");
            Membership.Write(wish.Files, present is null ? Configuration(hub) : null, hub.FetchedAuthority.Certificate, key, certificate);
            report.Done("files", present is null ? $"{wish.Files.Config}, {wish.Files.Pki}/" : $"{wish.Files.Pki}/");
            return true;
        }
        catch (EnrollmentException e)
        {
            report.Show(CheckResult.Failed("certificate", e.Message, e.Mend));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            report.Show(CheckResult.Failed("files", e.Message, $"make room or rights at {wish.Files.DataDir}, and join again"));
        }

        report.Say();
        report.Say("This box has not joined; nothing half-made was left.");
        return false;
    }

    private EdgeCoreConfig Configuration(VerifiedHub hub)
    {
        var defaults = new EdgeCoreConfig();
        return defaults with
        {
            Modules = defaults.Modules with
            {
                Edged = defaults.Modules.Edged with
                {
                    HostnameOverride = wish.NodeName,
                    NodeLabels = wish.Labels,
                    TailoredKubeletConfig = defaults.Modules.Edged.TailoredKubeletConfig with
                    {
                        ContainerRuntimeEndpoint = wish.RuntimeEndpoint,
                        RegisterWithTaints = wish.Taints,
                    },
                },
                EdgeHub = defaults.Modules.EdgeHub with
                {
                    HttpServer = $"https://{hub.FetchedAuthority.Server}",
                    Websocket = defaults.Modules.EdgeHub.Websocket with { Server = wish.Hub.ToString() },
                },
                EventBus = defaults.Modules.EventBus with { MqttServerExternal = wish.MqttServer },
            },
        };
    }
}
