using System.Net;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.Configuration;

/// <summary>What reading cloudcore.yaml gave: the configuration, or every reason why there is none.</summary>
/// <param name="Config">File names resolved; null when there are problems.</param>
/// <param name="Problems">One line each, with the member's path and how to mend it.</param>
/// <param name="Warnings">What was left aside.</param>
internal sealed record LoadedCloudCoreConfig(
    CloudCoreConfig? Config,
    IReadOnlyList<string> Problems,
    IReadOnlyList<string> Warnings);

/// <summary>Reads and checks cloudcore.yaml. All failures are reported at once.</summary>
internal static class CloudCoreConfigFile
{
    /// <summary>KubeEdge's members that have no meaning here: no warning for those.</summary>
    private static readonly string[] s_kubeEdgeOnly =
    [
        "commonConfig.", "kubeAPIConfig.", "featureGates", "leaderElection.", "modules.edgeController", "modules.syncController",
        "modules.dynamicController", "modules.taskManager", "modules.iptablesManager", "modules.deviceController.",
        "modules.cloudStream.", "modules.router.", "modules.cloudHub.quic", "modules.cloudHub.unixsocket",
        "modules.cloudHub.authorization", "modules.cloudHub.writeTimeout", "modules.cloudHub.websocket.", "modules.cloudHub.https.",
    ];

    /// <summary>Reads the data folder's file.</summary>
    /// <param name="files">The data folder.</param>
    /// <param name="wish">What the command line says in the file's place.</param>
    public static LoadedCloudCoreConfig Load(CloudFiles files, RunWish? wish = null)
    {
        if (!File.Exists(files.Config))
        {
            return Failed($"{files.Config} is not there; make it with: cloudcore init --data-dir {files.DataDir}");
        }

        try
        {
            return Parse(File.ReadAllText(files.Config), files, wish);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed($"{files.Config} cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads <paramref name="yaml"/> as if it stood in the data folder.</summary>
    public static LoadedCloudCoreConfig Parse(string yaml, CloudFiles files, RunWish? wish = null)
    {
        var document = new ConfigDocument<CloudCoreConfig>(yaml, CloudCoreConfigJson.Default.CloudCoreConfig);
        var warnings = document.Unknown.Where(IsOurs).Select(path => $"{document.ProblemAt(path, "nothing reads this member (a typing error?); it is ignored")}").ToArray();
        if (document.Value is not { } config)
        {
            return new LoadedCloudCoreConfig(null, [.. document.Problems.Select(p => p.ToString())], warnings);
        }

        config = files.Resolve((wish ?? new RunWish()).Over(config));
        var problems = CloudCoreConfigRules.Problems(config).Select(p => wish?.Controllers is not null && p.Path == CloudCoreConfigRules.ControllersPath
            ? $"--controllers: {p.Text}"
            : document.ProblemAt(p.Path, p.Text).ToString()).ToArray();
        return new LoadedCloudCoreConfig(problems.Length == 0 ? config : null, problems, warnings);
    }

    private static bool IsOurs(string path) =>
        !s_kubeEdgeOnly.Any(known => path.StartsWith(known, StringComparison.OrdinalIgnoreCase));

    private static LoadedCloudCoreConfig Failed(string problem) => new(null, [problem], []);
}

/// <summary>What a configuration must keep to beyond its types.</summary>
internal static class CloudCoreConfigRules
{
    /// <summary>The member that the option <c>--controllers</c> takes the place of.</summary>
    public const string ControllersPath = "modules.controllers.controllers";

    public static IEnumerable<(string Path, string Text)> Problems(CloudCoreConfig config)
    {
        var modules = config.Modules;
        var hub = modules.CloudHub;
        return Identity(config)
            .Concat(Cluster(config))
            .Concat(Leader(config.LeaderElection, modules.EmbeddedApi.Enable))
            .Concat(Listener("modules.cloudHub.websocket", hub.Websocket))
            .Concat(hub.Https.Enable ? Listener("modules.cloudHub.https", hub.Https) : [])
            .Concat(modules.EmbeddedApi.Enable
                ? Listener("modules.embeddedApi", new ListenSection { Address = modules.EmbeddedApi.Address, Port = modules.EmbeddedApi.Port })
                    .Concat(Services(modules.EmbeddedApi))
                : [])
            .Concat(Stream(modules.CloudStream, hub))
            .Concat(SamePorts(modules))
            .Concat(Hub(hub))
            .Concat(Controllers(modules.Controllers, modules.EmbeddedApi.Enable));
    }

    private static IEnumerable<(string, string)> Identity(CloudCoreConfig config)
    {
        if (config.Kind != CloudCoreConfig.WantedKind)
        {
            yield return ("kind", $"must be {CloudCoreConfig.WantedKind}, and is \"{config.Kind}\"");
        }

        if (!config.ApiVersion.StartsWith(CloudCoreConfig.ApiGroup, StringComparison.Ordinal))
        {
            yield return ("apiVersion", $"must be {CloudCoreConfig.ApiGroup}v1alpha2, and is \"{config.ApiVersion}\"");
        }
    }

    private static IEnumerable<(string, string)> Cluster(CloudCoreConfig config)
    {
        var api = config.KubeAPIConfig;
        if (config.Modules.EmbeddedApi.Enable)
        {
            if (api.KubeConfig.Length > 0 || api.InCluster)
            {
                yield return (api.InCluster ? "kubeAPIConfig.inCluster" : "kubeAPIConfig.kubeConfig",
                    "names a cluster while modules.embeddedApi.enable is true; set that to false, or leave this out");
            }
        }
        else if (api.InCluster && api.KubeConfig.Length > 0)
        {
            yield return ("kubeAPIConfig.inCluster", "is true while kubeConfig names a cluster too; leave one of them out");
        }
        else if (!api.InCluster && api.KubeConfig.Length == 0)
        {
            yield return ("kubeAPIConfig.kubeConfig", "is empty while modules.embeddedApi.enable is false; name a kubeconfig, set inCluster to true, or that");
        }
        else if (api.KubeConfig.Length > 0 && !File.Exists(api.KubeConfig))
        {
            yield return ("kubeAPIConfig.kubeConfig", $"names {api.KubeConfig}, which is not there");
        }

        if (api.Context.Length > 0 && api.KubeConfig.Length == 0)
        {
            yield return ("kubeAPIConfig.context", "is a kubeconfig's, and kubeConfig names none");
        }
    }

    private static IEnumerable<(string, string)> Leader(LeaderElectionSection election, bool embedded)
    {
        if (!election.LeaderElect)
        {
            yield break;
        }

        if (embedded)
        {
            yield return ("leaderElection.leaderElect", "is true while modules.embeddedApi.enable is true: the embedded API is one process; set it to false, or name a cluster");
        }

        if (election.RetryPeriod < TimeSpan.FromMilliseconds(100))
        {
            yield return ("leaderElection.retryPeriod", "must be 100ms or longer");
        }

        // as client-go: a leader has to have one more try within its deadline, and to know that it is none before another begins
        if (election.RenewDeadline <= 1.2 * election.RetryPeriod)
        {
            yield return ("leaderElection.renewDeadline", "must be longer than 1.2 times retryPeriod");
        }

        if (election.LeaseDuration <= election.RenewDeadline || election.LeaseDuration < TimeSpan.FromSeconds(1) || election.LeaseDuration > TimeSpan.FromHours(1)
            || election.LeaseDuration.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            yield return ("leaderElection.leaseDuration", "must be whole seconds, longer than renewDeadline, and 1h at most");
        }

        foreach (var (name, value) in new[] { ("resourceName", election.ResourceName), ("resourceNamespace", election.ResourceNamespace) })
        {
            if (value.Length is 0 or > 253 || !value.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'))
            {
                yield return ($"leaderElection.{name}", $"must be a name in Kubernetes' form, and is \"{value}\"");
            }
        }
    }

    private static IEnumerable<(string, string)> Listener(string path, ListenSection listener)
    {
        if (!IPAddress.TryParse(listener.Address, out _))
        {
            yield return ($"{path}.address", $"must be an IP address to listen on (0.0.0.0 for all), and is \"{listener.Address}\"");
        }

        if (listener.Port is < 1 or > 65535)
        {
            yield return ($"{path}.port", $"must be from 1 to 65535, and is {listener.Port}");
        }
    }

    private static IEnumerable<(string, string)> Services(EmbeddedApiSection api)
    {
        if (ServiceNetwork.ParseRange(api.ServiceClusterIPRange) is null)
        {
            yield return ("modules.embeddedApi.serviceClusterIPRange", $"must be a range of at least four addresses, as 10.96.0.0/12, and is \"{api.ServiceClusterIPRange}\"");
        }

        if (ServiceNetwork.ParsePorts(api.ServiceNodePortRange) is null)
        {
            yield return ("modules.embeddedApi.serviceNodePortRange", $"must be two ports with a hyphen between them, as 30000-32767, and is \"{api.ServiceNodePortRange}\"");
        }

        foreach (var (name, seconds) in new[]
        {
            ("defaultNotReadyTolerationSeconds", api.DefaultNotReadyTolerationSeconds), ("defaultUnreachableTolerationSeconds", api.DefaultUnreachableTolerationSeconds),
        })
        {
            if (seconds < 0)
            {
                yield return ($"modules.embeddedApi.{name}", $"must be 0 or more seconds, and is {seconds}");
            }
        }
    }

    private static IEnumerable<(string, string)> SamePorts(ModulesSection modules)
    {
        var used = new List<(string Path, int Port)> { ("modules.cloudHub.websocket.port", modules.CloudHub.Websocket.Port) };
        if (modules.CloudHub.Https.Enable)
        {
            used.Add(("modules.cloudHub.https.port", modules.CloudHub.Https.Port));
        }

        if (modules.CloudStream is { Enable: true, TunnelPort: > 0 })
        {
            used.Add(("modules.cloudStream.tunnelPort", modules.CloudStream.TunnelPort));
        }

        if (modules.CloudStream is { Enable: true, StreamPort: > 0 })
        {
            used.Add(("modules.cloudStream.streamPort", modules.CloudStream.StreamPort));
        }

        if (modules.EmbeddedApi.Enable)
        {
            used.Add(("modules.embeddedApi.port", modules.EmbeddedApi.Port));
        }

        return used
            .GroupBy(u => u.Port)
            .Where(group => group.Count() > 1)
            .Select(group => (group.Last().Path, $"is {group.Key}, which {group.First().Path} has already; choose another"));
    }

    private static IEnumerable<(string, string)> Stream(CloudStreamSection stream, CloudHubSection hub)
    {
        if (!stream.Enable)
        {
            yield break;
        }

        foreach (var (name, port) in new[] { ("tunnelPort", stream.TunnelPort), ("streamPort", stream.StreamPort) })
        {
            if (port is < 0 or > 65535)
            {
                yield return ($"modules.cloudStream.{name}", $"must be from 1 to 65535, or 0 for none, and is {port}");
            }
        }

        if (stream.StreamPort == 0)
        {
            yield break;
        }

        if (!File.Exists(stream.TlsStreamCAFile))
        {
            yield return ("modules.cloudStream.tlsStreamCAFile", $"must name the CA of the API server's client certificate where streamPort is set; \"{stream.TlsStreamCAFile}\" is not there");
        }

        if (!IPAddress.TryParse(stream.IPOf(hub), out _))
        {
            yield return ("modules.cloudStream.streamAddress", "must be the IP under which the API server reaches this hub, since cloudHub.advertiseAddress has none");
        }
    }

    private static IEnumerable<(string, string)> Hub(CloudHubSection hub)
    {
        if (hub.AdvertiseAddress.Count == 0)
        {
            yield return ("modules.cloudHub.advertiseAddress", "must name the address (IP or DNS name) by which boxes reach this hub");
        }

        for (var i = 0; i < hub.AdvertiseAddress.Count; i++)
        {
            if (Uri.CheckHostName(hub.AdvertiseAddress[i]) == UriHostNameType.Unknown)
            {
                yield return ($"modules.cloudHub.advertiseAddress[{i}]", $"must be an IP address or DNS name without port, and is \"{hub.AdvertiseAddress[i]}\"");
            }
        }

        foreach (var (name, value, most) in new[]
        {
            ("keepaliveInterval", hub.KeepaliveInterval, 3600),
            ("nodeLimit", hub.NodeLimit, 1_000_000),
            ("edgeCertSigningDuration", hub.EdgeCertSigningDuration, 36_400),
            ("tokenRefreshDuration", hub.TokenRefreshDuration, 8760),
        })
        {
            if (value < 1 || value > most)
            {
                yield return ($"modules.cloudHub.{name}", $"must be from 1 to {most}, and is {value}");
            }
        }
    }

    private static IEnumerable<(string, string)> Controllers(ControllersSection controllers, bool embedded)
    {
        if (ControllerSelection.Problem(controllers.Controllers ?? [], embedded) is { } problem)
        {
            yield return (ControllersPath, problem);
        }

        if (controllers.NodeMonitorGracePeriod <= controllers.NodeMonitorPeriod)
        {
            yield return ("modules.controllers.nodeMonitorGracePeriod", "must be longer than nodeMonitorPeriod");
        }

        if (controllers.TerminatedPodGCThreshold < 0)
        {
            yield return ("modules.controllers.terminatedPodGCThreshold", $"must be 0 (keep all) or more, and is {controllers.TerminatedPodGCThreshold}");
        }
    }
}
