using System.Text.Json;
using EdgeSync.Protocol.Configuration;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Configuration;

/// <summary>What reading edgecore.yaml gave: the configuration with names resolved, or every reason why there is none.</summary>
internal sealed record LoadedEdgeCoreConfig(EdgeCoreConfig? Config, IReadOnlyList<string> Problems);

/// <summary>Reads, checks and writes edgecore.yaml.</summary>
internal static class EdgeCoreConfigFile
{
    public static LoadedEdgeCoreConfig Load(EdgeFiles files)
    {
        if (!File.Exists(files.Config))
        {
            return new LoadedEdgeCoreConfig(null, [$"{files.Config} is not there: this box has not joined. Join it with: edgecore join --data-dir {files.DataDir} ..."]);
        }

        try
        {
            return Parse(File.ReadAllText(files.Config), files);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new LoadedEdgeCoreConfig(null, [$"{files.Config} cannot be read: {e.Message}"]);
        }
    }

    /// <summary>Reads <paramref name="yaml"/> as if it stood in the data folder. Members that nothing reads are no problem: KubeEdge has many.</summary>
    public static LoadedEdgeCoreConfig Parse(string yaml, EdgeFiles files)
    {
        var document = new ConfigDocument<EdgeCoreConfig>(yaml, ConfigurationJson.Default.EdgeCoreConfig);
        if (document.Value is not { } config)
        {
            return new LoadedEdgeCoreConfig(null, [.. document.Problems.Select(p => p.ToString())]);
        }

        config = files.Resolve(config);
        var problems = Problems(config).Select(p => document.ProblemAt(p.Path, p.Text).ToString()).ToArray();
        return new LoadedEdgeCoreConfig(problems.Length == 0 ? config : null, problems);
    }

    public static string Render(EdgeCoreConfig config) =>
        $"""
        # EdgeSync's agent, in the shape of KubeEdge's edgecore.yaml. Restart edgecore after a change.
        # An empty file or folder name stands for one in this folder. No secret belongs in this file.
        {JsonToYaml.Write(JsonSerializer.SerializeToNode(config, ConfigurationJson.Default.EdgeCoreConfig)!)}
        """;

    private static IEnumerable<(string Path, string Text)> Problems(EdgeCoreConfig config)
    {
        var edged = config.Modules.Edged;
        var hub = config.Modules.EdgeHub;
        if (config.Kind != EdgeCoreConfig.WantedKind)
        {
            yield return ("kind", $"must be {EdgeCoreConfig.WantedKind}, and is \"{config.Kind}\"");
        }

        if (!config.ApiVersion.StartsWith(EdgeCoreConfig.ApiGroup, StringComparison.Ordinal))
        {
            yield return ("apiVersion", $"must be {EdgeCoreConfig.ApiGroup}v1alpha2, and is \"{config.ApiVersion}\"");
        }

        if (NodeName.Problem(edged.HostnameOverride) is { } badName)
        {
            yield return ("modules.edged.hostnameOverride", $"is the node's name; \"{edged.HostnameOverride}\" {badName}");
        }

        if (!HostPort.TryParse(hub.Websocket.Server, null, out _))
        {
            yield return ("modules.edgeHub.websocket.server", $"must be the hub's HOST:PORT, and is \"{hub.Websocket.Server}\"");
        }

        if (hub.Heartbeat is < 1 or > 3600)
        {
            yield return ("modules.edgeHub.heartbeat", $"must be from 1 to 3600 seconds, and is {hub.Heartbeat}");
        }

        if (edged.TailoredKubeletConfig.MaxPods is < 1 or > 1000)
        {
            yield return ("modules.edged.tailoredKubeletConfig.maxPods", $"must be from 1 to 1000, and is {edged.TailoredKubeletConfig.MaxPods}");
        }

        var outbox = config.Modules.MetaManager.Outbox;
        if (outbox is not { MaxMiB: >= 1, MaxEvents: >= 0, MaxRouted: >= 0 })
        {
            yield return (
                "modules.metaManager.outbox",
                $"maxMiB must be 1 or more, maxEvents and maxRouted 0 or more; they are {outbox.MaxMiB}, {outbox.MaxEvents}, {outbox.MaxRouted}");
        }

        foreach (var (key, value) in edged.NodeLabels)
        {
            if (NodeLabel.Problem(key, value) is { } badLabel)
            {
                yield return ("modules.edged.nodeLabels", $"\"{key}={value}\" {badLabel}");
            }
        }

        var kubelet = edged.TailoredKubeletConfig;
        for (var i = 0; i < kubelet.RegisterWithTaints.Count; i++)
        {
            var taint = kubelet.RegisterWithTaints[i];
            var badTaint = taint.Problem() ?? (kubelet.RegisterWithTaints.Take(i).Any(taint.IsLike) ? "is given twice" : null);
            if (badTaint is not null)
            {
                yield return ("modules.edged.tailoredKubeletConfig.registerWithTaints", $"\"{taint}\" {badTaint}");
            }
        }

        if (!Quantity.TryParse(kubelet.ContainerLogMaxSize, out var logSize) || logSize < Quantity.FromWhole(4096))
        {
            yield return ("modules.edged.tailoredKubeletConfig.containerLogMaxSize", $"must be a quantity of 4Ki or more, and is \"{kubelet.ContainerLogMaxSize}\"");
        }

        if (kubelet.ContainerLogMaxFiles is < 2 or > 100)
        {
            yield return ("modules.edged.tailoredKubeletConfig.containerLogMaxFiles", $"must be from 2 to 100, and is {kubelet.ContainerLogMaxFiles}");
        }

        var stream = config.Modules.EdgeStream;
        if (stream.Server.Length > 0 && !HostPort.TryParse(stream.Server, null, out _))
        {
            yield return ("modules.edgeStream.server", $"must be HOST:PORT, or empty for the hub's own port, and is \"{stream.Server}\"");
        }

        if (stream.HandshakeTimeout is < 1 or > 600 || stream.WriteDeadline is < 1 or > 600)
        {
            yield return ("modules.edgeStream", $"handshakeTimeout and writeDeadline must be from 1 to 600 seconds, and are {stream.HandshakeTimeout} and {stream.WriteDeadline}");
        }

        if (edged.TailoredKubeletConfig.CgroupDriver is not ("cgroupfs" or "systemd"))
        {
            yield return ("modules.edged.tailoredKubeletConfig.cgroupDriver", $"must be cgroupfs or systemd, and is \"{edged.TailoredKubeletConfig.CgroupDriver}\"");
        }
    }
}
