using System.Text.Json;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.Protocol.Configuration;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>What the user asked of init; null where he did not say.</summary>
internal sealed record InitWish
{
    public IReadOnlyList<string>? AdvertiseAddress { get; init; }

    public int? ApiPort { get; init; }

    public int? HubPort { get; init; }

    public ClusterWish Cluster { get; init; } = new();
}

/// <summary>What init did.</summary>
/// <param name="Config">As it stands in the file now.</param>
/// <param name="Made">Files that were written; none when all was there.</param>
/// <param name="Differences">Wishes that the file of an earlier init does not meet; then nothing was changed.</param>
/// <param name="Token">The first join token; null when init had finished before.</param>
internal sealed record InitOutcome(
    CloudCoreConfig Config,
    IReadOnlyList<string> Made,
    IReadOnlyList<string> Differences,
    string? Token);

/// <summary>
/// Makes the data folder of a hub, or completes it. cloudcore.yaml is written last and marks the end: without it the
/// next call goes on where this one stopped; with it, its content rules and wishes only get compared to it.
/// </summary>
internal sealed class Initialization(CloudFiles files, TimeProvider time)
{
    public const int DefaultApiPort = 6443;

    public const int DefaultHubPort = 10000;

    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly List<string> _made = [];

    /// <exception cref="InvalidDataException">What is there cannot be used; the message says why and how to mend it.</exception>
    /// <exception cref="IOException">The folder cannot be written, or another init works on it.</exception>
    public InitOutcome Complete(InitWish wish)
    {
        Directory.CreateDirectory(files.DataDir, FolderMode);
        Directory.CreateDirectory(files.Pki, FolderMode);
        using var alone = LockFolder();
        var finished = File.Exists(files.Config);
        var config = finished ? Existing() : Wanted(wish);
        if (finished && Differences(config, wish) is { Count: > 0 } differences)
        {
            return new InitOutcome(config, [], differences, null);
        }

        var keys = new KeyMaterial(files, time, _made.Add);
        using var authority = keys.EnsureAuthority(finished);
        var hub = config.Modules.CloudHub;
        var api = config.Modules.EmbeddedApi;
        var local = HostNames.Local();

        // the names of the moment are wanted in a new certificate only: an address that this machine got since, from
        // DHCP or a container bridge, is no reason to change one that is in use
        var names = hub.AdvertiseAddress.Concat(hub.DnsNames).Where(name => name.Length > 0).ToArray();
        keys.EnsureServer(authority, files.ServerCertificate, files.ServerKey, names, local);
        keys.EnsureServiceAccountKey();
        if (api.Enable)
        {
            keys.EnsureServer(authority, files.ApiCertificate, files.ApiKey, names, [.. local, .. HostNames.Kubernetes]);
            EnsureKubeconfig(authority, api.Port, keys.EnsureAdmin(authority));
        }

        if (!finished)
        {
            Write(files.Config, Render(config), DurableFile.OwnerOnly);
        }

        var token = finished ? null : authority.NewToken(TimeSpan.FromHours(2 * hub.TokenRefreshDuration)).Reveal();
        return new InitOutcome(config, _made, [], token);
    }

    /// <summary>The lock's file stays: removing it could leave two holders, one of the old file and one of a new.</summary>
    private FileStream LockFolder()
    {
        try
        {
            return new FileStream(files.InitLock, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.Write,
                Share = FileShare.None,
                UnixCreateMode = DurableFile.OwnerOnly,
            });
        }
        catch (IOException e) when (File.Exists(files.InitLock))
        {
            throw new IOException($"another cloudcore init works on {files.DataDir}; let it finish", e);
        }
    }

    private CloudCoreConfig Existing()
    {
        var loaded = CloudCoreConfigFile.Load(files);
        return loaded.Config ?? throw new InvalidDataException(
            $"{files.Config} is there and cannot be used; mend it:{string.Concat(loaded.Problems.Select(p => $"\n  {p}"))}");
    }

    private static CloudCoreConfig Wanted(InitWish wish)
    {
        var defaults = new CloudCoreConfig();
        var hub = defaults.Modules.CloudHub;
        return wish.Cluster.Over(defaults with
        {
            Modules = defaults.Modules with
            {
                EmbeddedApi = defaults.Modules.EmbeddedApi with
                {
                    Port = wish.ApiPort ?? DefaultApiPort,
                },
                CloudHub = hub with
                {
                    AdvertiseAddress = wish.AdvertiseAddress ?? [HostNames.Advertised()],
                    Websocket = hub.Websocket with { Port = wish.HubPort ?? DefaultHubPort },
                },
            },
        });
    }

    private static List<string> Differences(CloudCoreConfig config, InitWish wish)
    {
        var differences = new List<string>();
        Compare("modules.cloudHub.advertiseAddress", string.Join(",", config.Modules.CloudHub.AdvertiseAddress), wish.AdvertiseAddress is { } a ? string.Join(",", a) : null);
        Compare("modules.cloudHub.websocket.port", $"{config.Modules.CloudHub.Websocket.Port}", wish.HubPort?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Compare("modules.embeddedApi.port", $"{config.Modules.EmbeddedApi.Port}", wish.ApiPort?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Compare("kubeAPIConfig.kubeConfig", config.KubeAPIConfig.KubeConfig, wish.Cluster.Kubeconfig);
        Compare("kubeAPIConfig.context", config.KubeAPIConfig.Context, wish.Cluster.Context);
        Compare("kubeAPIConfig.inCluster", config.KubeAPIConfig.InCluster ? "true" : "false", wish.Cluster.InCluster ? "true" : null);
        return differences;

        void Compare(string path, string present, string? wanted)
        {
            if (wanted is not null && wanted != present)
            {
                differences.Add($"{path} is \"{present}\", and \"{wanted}\" was asked for");
            }
        }
    }

    private void EnsureKubeconfig(CertificateAuthority authority, int apiPort, bool certificateIsNew)
    {
        var text = Kubeconfig.Render(
            $"https://127.0.0.1:{apiPort}",
            authority.Certificate.ExportCertificatePem(),
            File.ReadAllText(files.AdminCertificate),
            File.ReadAllText(files.AdminKey));
        if (certificateIsNew || !File.Exists(files.AdminKubeconfig) || !Kubeconfig.PointsTo(File.ReadAllText(files.AdminKubeconfig), apiPort))
        {
            Write(files.AdminKubeconfig, text, DurableFile.OwnerOnly);
        }
    }

    private static string Render(CloudCoreConfig config) =>
        $"""
        # EdgeSync's hub, in the shape of KubeEdge's cloudcore.yaml. Restart cloudcore after a change; after a change of
        # advertiseAddress, dnsNames or embeddedApi.port run "cloudcore init" again first, which renews what depends on it.
        # An empty file name stands for the file that init makes in this folder.
        {JsonToYaml.Write(JsonSerializer.SerializeToNode(config, CloudCoreConfigJson.Default.CloudCoreConfig)!)}
        """;

    private void Write(string path, string content, UnixFileMode mode)
    {
        DurableFile.Write(path, content, mode);
        _made.Add(path);
    }
}
