using EdgeSync.EdgeCore.MetaManager;

namespace EdgeSync.EdgeCore.Configuration;

/// <summary>The files and folders below the agent's data folder. <c>edgecore reset</c> removes these and nothing else.</summary>
internal sealed record EdgeFiles(string DataDir)
{
    /// <summary>Written last by join: where it stands, the box has joined.</summary>
    public string Config => Path.Combine(DataDir, EdgeCoreConfig.FileName);

    public string Pki => Path.Combine(DataDir, "pki");

    /// <summary>The hub's CA, found by the token's hash.</summary>
    public string CaCertificate => Path.Combine(Pki, "rootCA.crt");

    public string Certificate => Path.Combine(Pki, "node.crt");

    public string Key => Path.Combine(Pki, "node.key");

    public string Database => Path.Combine(DataDir, EdgeDatabase.FileName);

    /// <summary>Locked (flock) by the agent that runs on this folder.</summary>
    public string Lock => Path.Combine(DataDir, "edgecore.lock");

    /// <summary>The running agent's process id.</summary>
    public string Pid => Path.Combine(DataDir, "edgecore.pid");

    /// <summary>The process id again, written when the agent has come up.</summary>
    public string Ready => Path.Combine(DataDir, "edgecore.ready");

    /// <summary>What an agent that <c>join --start</c> began writes.</summary>
    public string Log => Path.Combine(DataDir, "edgecore.log");

    /// <summary>Volumes of pods.</summary>
    public string KubeletRoot => Path.Combine(DataDir, "kubelet");

    public string PodLogs => Path.Combine(DataDir, "pod-logs");

    /// <summary>The configuration with every empty name filled in and relative names made absolute, from the data folder.</summary>
    public EdgeCoreConfig Resolve(EdgeCoreConfig config)
    {
        var edged = config.Modules.Edged;
        var hub = config.Modules.EdgeHub;
        return config with
        {
            Database = config.Database with { DataSource = Absolute(config.Database.DataSource, Database) },
            Modules = config.Modules with
            {
                Edged = edged with
                {
                    RootDirectory = Absolute(edged.RootDirectory, KubeletRoot),
                    TailoredKubeletConfig = edged.TailoredKubeletConfig with
                    {
                        PodLogsDir = Absolute(edged.TailoredKubeletConfig.PodLogsDir, PodLogs),
                    },
                },
                EdgeHub = hub with
                {
                    TlsCaFile = Absolute(hub.TlsCaFile, CaCertificate),
                    TlsCertFile = Absolute(hub.TlsCertFile, Certificate),
                    TlsPrivateKeyFile = Absolute(hub.TlsPrivateKeyFile, Key),
                },
            },
        };
    }

    private string Absolute(string name, string fallback) =>
        name.Length == 0 ? fallback : Path.Combine(DataDir, name);
}
