namespace EdgeSync.CloudCore.Configuration;

/// <summary>The files below the data folder, and what each is for.</summary>
internal sealed record CloudFiles(string DataDir)
{
    /// <summary>Written last by init: where it stands, init has finished.</summary>
    public string Config => Path.Combine(DataDir, "cloudcore.yaml");

    public string AdminKubeconfig => Path.Combine(DataDir, "admin.kubeconfig");

    /// <summary>Held while init works, so that two never make two CAs.</summary>
    public string InitLock => Path.Combine(DataDir, "init.lock");

    /// <summary>Held by the one cloudcore that runs on the folder.</summary>
    public string RunLock => Path.Combine(DataDir, "cloudcore.lock");

    /// <summary>The process that holds <see cref="RunLock"/>: a locked file cannot be read.</summary>
    public string RunPid => Path.Combine(DataDir, "cloudcore.pid");

    /// <summary>Where the running cloudcore answers its own commands.</summary>
    public string AdminSocket => Path.Combine(DataDir, "cloudcore.sock");

    public string Pki => Path.Combine(DataDir, "pki");

    public string CaCertificate => Path.Combine(Pki, "ca.crt");

    public string CaKey => Path.Combine(Pki, "ca.key");

    /// <summary>The hub port's certificate, for boxes.</summary>
    public string ServerCertificate => Path.Combine(Pki, "server.crt");

    public string ServerKey => Path.Combine(Pki, "server.key");

    /// <summary>The embedded API's certificate, for kubectl and pods.</summary>
    public string ApiCertificate => Path.Combine(Pki, "apiserver.crt");

    public string ApiKey => Path.Combine(Pki, "apiserver.key");

    public string AdminCertificate => Path.Combine(Pki, "admin.crt");

    public string AdminKey => Path.Combine(Pki, "admin.key");

    /// <summary>Signs service account tokens.</summary>
    public string ServiceAccountKey => Path.Combine(Pki, "sa.key");

    public string ServiceAccountPublicKey => Path.Combine(Pki, "sa.pub");

    /// <summary>The configuration with every empty file name filled in.</summary>
    public CloudCoreConfig Resolve(CloudCoreConfig config)
    {
        var hub = config.Modules.CloudHub;
        var api = config.Modules.EmbeddedApi;
        return config with
        {
            KubeAPIConfig = config.KubeAPIConfig with { KubeConfig = Absolute(config.KubeAPIConfig.KubeConfig, "") },
            Modules = config.Modules with
            {
                CloudHub = hub with
                {
                    TlsCAFile = Absolute(hub.TlsCAFile, CaCertificate),
                    TlsCAKeyFile = Absolute(hub.TlsCAKeyFile, CaKey),
                    TlsCertFile = Absolute(hub.TlsCertFile, ServerCertificate),
                    TlsPrivateKeyFile = Absolute(hub.TlsPrivateKeyFile, ServerKey),
                },
                CloudStream = config.Modules.CloudStream with
                {
                    TlsStreamCAFile = Absolute(config.Modules.CloudStream.TlsStreamCAFile, ""),
                    TlsStreamCertFile = Absolute(config.Modules.CloudStream.TlsStreamCertFile, Absolute(hub.TlsCertFile, ServerCertificate)),
                    TlsStreamPrivateKeyFile = Absolute(config.Modules.CloudStream.TlsStreamPrivateKeyFile, Absolute(hub.TlsPrivateKeyFile, ServerKey)),
                },
                EmbeddedApi = api with
                {
                    TlsCertFile = Absolute(api.TlsCertFile, ApiCertificate),
                    TlsPrivateKeyFile = Absolute(api.TlsPrivateKeyFile, ApiKey),
                    ServiceAccountKeyFile = Absolute(api.ServiceAccountKeyFile, ServiceAccountKey),
                },
            },
        };
    }

    /// <summary>Relative names count from the data folder.</summary>
    private string Absolute(string name, string fallback) =>
        name.Length == 0 ? fallback : Path.Combine(Path.GetFullPath(DataDir), name);
}
