using EdgeSync.EdgeCore.Configuration;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Configuration;

public sealed class EdgeCoreConfigFileTests
{
    private static readonly EdgeFiles s_files = new("/data");

    [Fact]
    public void The_sample_configuration_is_read()
    {
        var loaded = EdgeCoreConfigFile.Parse(File.ReadAllText(Path.Combine(ProgramsLocation.Root, "deploy", "edge", "edgecore.yaml")), s_files);

        Assert.Empty(loaded.Problems);
        Assert.Equal("203.0.113.5:10000", loaded.Config!.Modules.EdgeHub.Websocket.Server);
        Assert.Equal("north", loaded.Config.Modules.Edged.NodeLabels["example.com/site"]);
        Assert.Empty(loaded.Config.Modules.Edged.TailoredKubeletConfig.RegisterWithTaints);
    }

    [Fact]
    public void What_is_written_is_read_back_and_empty_names_stand_for_the_data_folder()
    {
        var config = Joined();

        var loaded = EdgeCoreConfigFile.Parse(EdgeCoreConfigFile.Render(config), s_files);

        Assert.Empty(loaded.Problems);
        Assert.Equal("/data/edgecore.db", loaded.Config!.Database.DataSource);
        Assert.Equal("/data/kubelet", loaded.Config.Modules.Edged.RootDirectory);
        Assert.Equal("/data/pod-logs", loaded.Config.Modules.Edged.TailoredKubeletConfig.PodLogsDir);
        Assert.Equal("/data/pki/node.key", loaded.Config.Modules.EdgeHub.TlsPrivateKeyFile);
        Assert.Equal(15, loaded.Config.Modules.EdgeHub.Heartbeat);
    }

    [Fact]
    public void A_file_of_KubeEdges_is_read_and_what_is_not_known_is_left_alone()
    {
        var loaded = EdgeCoreConfigFile.Parse(
            """
            apiVersion: edgecore.config.kubeedge.io/v1alpha2
            database:
              aliasName: default
              dataSource: /var/lib/kubeedge/edgecore.db
              driverName: sqlite3
            featureGates: null
            kind: EdgeCore
            modules:
              dbTest: {enable: false}
              edgeHub:
                enable: true
                messageBurst: 60
                quic: {enable: false, server: "10.0.0.5:10001"}
                rotateCertificates: true
                tlsCaFile: /etc/kubeedge/ca/rootCA.crt
                token: ""
                websocket: {enable: true, server: "10.0.0.5:10000", readDeadline: 15}
              edged:
                hostnameOverride: edge-1
                maxContainerCount: -1
                rootDirectory: /var/lib/kubelet
                tailoredKubeletConfig:
                  cgroupDriver: systemd
                  clusterDNS: null
                  evictionHard: {memory.available: 100Mi}
              serviceBus: {enable: false, port: 9060}
            """,
            s_files);

        Assert.Empty(loaded.Problems);
        var config = loaded.Config!;
        Assert.Equal("/var/lib/kubeedge/edgecore.db", config.Database.DataSource);
        Assert.Equal("/etc/kubeedge/ca/rootCA.crt", config.Modules.EdgeHub.TlsCaFile);
        Assert.Equal("/var/lib/kubelet", config.Modules.Edged.RootDirectory);
        Assert.Equal("systemd", config.Modules.Edged.TailoredKubeletConfig.CgroupDriver);
        Assert.Empty(config.Modules.Edged.TailoredKubeletConfig.ClusterDNS);
        Assert.True(config.Modules.EventBus.Enable);
    }

    [Fact]
    public void Every_problem_is_named_with_path_and_line()
    {
        var wrongTypes = EdgeCoreConfigFile.Parse("modules:\n  edged:\n    hostnameOverride: 12\n  edgeHub:\n    heartbeat: often\n", s_files);
        var wrongValues = EdgeCoreConfigFile.Parse(
            "kind: CloudCore\nmodules:\n  edged: {hostnameOverride: Edge_1}\n  edgeHub:\n    heartbeat: 0\n    websocket: {server: nowhere}\n", s_files);

        Assert.Equal(
            [
                "modules.edged.hostnameOverride (line 3): must be a text, and is the number 12; put it in quotes: \"12\"",
                "modules.edgeHub.heartbeat (line 5): must be a whole number, and is a text",
            ],
            wrongTypes.Problems);
        Assert.Equal(4, wrongValues.Problems.Count);
        Assert.Contains("kind (line 1): must be EdgeCore, and is \"CloudCore\"", wrongValues.Problems);
        Assert.Contains("modules.edgeHub.websocket.server (line 6): must be the hub's HOST:PORT, and is \"nowhere\"", wrongValues.Problems);
    }

    [Fact]
    public void A_label_or_taint_that_no_node_can_have_is_named()
    {
        var loaded = EdgeCoreConfigFile.Parse(
            """
            kind: EdgeCore
            modules:
              edged:
                hostnameOverride: edge-1
                nodeLabels: {"-a": b}
                tailoredKubeletConfig:
                  registerWithTaints:
                  - {key: a, effect: NoSchedule}
                  - {key: a, effect: Never}
                  - {key: a, value: b, effect: NoSchedule}
              edgeHub:
                websocket: {server: "10.0.0.5:10000"}
            """,
            s_files);

        Assert.Equal(
            [
                "modules.edged.nodeLabels (line 5): \"-a=b\" has a key that is not 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
                "modules.edged.tailoredKubeletConfig.registerWithTaints (line 7): \"a:Never\" has the effect \"Never\", which is none of NoSchedule, PreferNoSchedule, NoExecute",
                "modules.edged.tailoredKubeletConfig.registerWithTaints (line 7): \"a=b:NoSchedule\" is given twice",
            ],
            loaded.Problems);
    }

    [Theory]
    [InlineData("10.0.0.5:10000", "10.0.0.5", 10000, "10.0.0.5:10000")]
    [InlineData("hub.example.com:443", "hub.example.com", 443, "hub.example.com:443")]
    [InlineData("[2001:db8::5]:10000", "2001:db8::5", 10000, "[2001:db8::5]:10000")]
    [InlineData("10.0.0.5", "10.0.0.5", 9, "10.0.0.5:9")]
    [InlineData("[::1]", "::1", 9, "[::1]:9")]
    [InlineData("2001:db8::5", "2001:db8::5", 9, "[2001:db8::5]:9")]
    public void Addresses_are_read_and_written(string text, string host, int port, string again)
    {
        Assert.True(HostPort.TryParse(text, 9, out var parsed));
        Assert.Equal(new HostPort(host, port), parsed);
        Assert.Equal(again, parsed.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("a:b")]
    [InlineData("a:0")]
    [InlineData("a:65536")]
    [InlineData("https://a:1")]
    [InlineData("a/b:1")]
    public void Other_texts_are_no_addresses(string text) => Assert.False(HostPort.TryParse(text, 9, out _));

    internal static EdgeCoreConfig Joined()
    {
        var config = new EdgeCoreConfig();
        return config with
        {
            Modules = config.Modules with
            {
                Edged = config.Modules.Edged with { HostnameOverride = "edge-1" },
                EdgeHub = config.Modules.EdgeHub with { Websocket = new WebSocketSection { Server = "127.0.0.1:1" } },
            },
        };
    }
}
