using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EdgeSync.TestKit;

/// <summary>
/// KubeEdge's own cloudcore on a real kube-apiserver, with ports and a folder of its own. The environment variables KUBEEDGE_BIN and
/// KUBEEDGE_CRDS name the folders with the program and with its CustomResourceDefinitions (both from KubeEdge's source; nothing
/// of it is here).
/// </summary>
public sealed class KubeEdgeCloud : IAsyncDisposable
{
    /// <summary>It waits up to 10 s at its start, by chance.</summary>
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90);

    private readonly TempFolder _folder = new();
    private readonly EnvtestCluster _cluster = new();
    private readonly int _hubPort = FreePort.Next();
    private readonly int _tunnelPort = FreePort.Next();
    private readonly int _monitorPort = FreePort.Next();
    private ProgramsProcess? _process;

    private KubeEdgeCloud() => Kubectl = new ProgramsKubectl(_cluster.Kubeconfig);

    public ProgramsKubectl Kubectl { get; }

    public int CertPort { get; } = FreePort.Next();

    public string HubAddress => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_hubPort}");

    /// <summary>Where nodes open their stream tunnels.</summary>
    public string TunnelAddress => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_tunnelPort}");

    /// <summary>Where an API server is served: in a real cluster iptables bring it here from each node's address.</summary>
    public int StreamPort { get; } = FreePort.Next();

    public string Kubeconfig => _cluster.Kubeconfig;

    private string LogFile => _folder.File("cloudcore.log");

    /// <summary>Why it cannot run here; null where it can.</summary>
    public static string? WhyNot()
    {
        if (Environment.GetEnvironmentVariable("KUBEEDGE_BIN") is not { Length: > 0 } programs)
        {
            return "KUBEEDGE_BIN is not set (a folder with KubeEdge's cloudcore)";
        }

        if (Environment.GetEnvironmentVariable("KUBEEDGE_CRDS") is not { Length: > 0 } definitions)
        {
            return "KUBEEDGE_CRDS is not set (a folder with KubeEdge's CustomResourceDefinitions)";
        }

        return !File.Exists(Path.Combine(programs, "cloudcore")) ? $"no cloudcore in {programs}"
            : !Directory.Exists(definitions) ? $"no folder {definitions}"
            : EnvtestCluster.MissingReason;
    }

    /// <summary>A new cluster with KubeEdge's hub, ready to be joined.</summary>
    public static async Task<KubeEdgeCloud> StartNewAsync()
    {
        var cloud = new KubeEdgeCloud();
        try
        {
            await cloud._cluster.StartAsync();
            await cloud.Kubectl.RunAsync("apply", "-R", "-f", Environment.GetEnvironmentVariable("KUBEEDGE_CRDS")!);
            await cloud.Kubectl.RunAsync("create", "namespace", "kubeedge");
            await File.WriteAllTextAsync(cloud._folder.File("cloudcore.yaml"), cloud.Configuration());
            cloud.WriteStreamCertificate();
            await cloud.StartAsync();
            return cloud;
        }
        catch
        {
            await cloud.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts cloudcore and waits until it enrolls.</summary>
    public async Task StartAsync()
    {
        _process = ProgramsProcess.Start(
            Path.Combine(Environment.GetEnvironmentVariable("KUBEEDGE_BIN")!, "cloudcore"), ["--config", _folder.File("cloudcore.yaml")], LogFile);
        using var client = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true });
        await Eventually.HoldsAsync(
            $"cloudcore enrolls\n{LogTail()}",
            async () => (await client.GetAsync(new Uri($"https://127.0.0.1:{CertPort}/ca.crt"))).IsSuccessStatusCode,
            s_startLimit);
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.KillAsync();
            await process.DisposeAsync();
        }
    }

    public async Task<string> GetTokenAsync()
    {
        var token = "";
        await Eventually.HoldsAsync(
            "there is a token",
            async () => (token = await Kubectl.PathAsync("{.data.tokendata}", "secret", "tokensecret", "-n", "kubeedge")).Length > 0);
        return Encoding.UTF8.GetString(Convert.FromBase64String(token));
    }

    public string LogTail() => ProgramsProcess.LogTail(LogFile);

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await _cluster.StopAsync();
        _cluster.Dispose();
        _folder.Dispose();
    }

    /// <summary>The certificate of the stream server; the API server here checks none, as KubeEdge's documentation sets it up.</summary>
    private void WriteStreamCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        var request = new CertificateRequest("CN=stream", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_folder.File("stream.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(_folder.File("stream.key"), key.ExportPkcs8PrivateKeyPem());
    }

    private string Configuration() => string.Create(CultureInfo.InvariantCulture, $$"""
        apiVersion: cloudcore.config.kubeedge.io/v1alpha2
        kind: CloudCore
        commonConfig:
          monitorServer: {bindAddress: "127.0.0.1:{{_monitorPort}}"}
        kubeAPIConfig: {kubeConfig: {{_cluster.Kubeconfig}}}
        modules:
          cloudHub:
            enable: true
            keepaliveInterval: 30
            nodeLimit: 10
            advertiseAddress: [127.0.0.1]
            dnsNames: [localhost]
            tlsCAFile: {{_folder.File("ca.crt")}}
            tlsCAKeyFile: {{_folder.File("ca.key")}}
            tlsCertFile: {{_folder.File("server.crt")}}
            tlsPrivateKeyFile: {{_folder.File("server.key")}}
            websocket: {enable: true, address: 127.0.0.1, port: {{_hubPort}}}
            https: {enable: true, address: 127.0.0.1, port: {{CertPort}}}
            unixsocket: {enable: false, address: "unix://{{_folder.File("kubeedge.sock")}}"}
          cloudStream:
            enable: true
            tunnelPort: {{_tunnelPort}}
            streamPort: {{StreamPort}}
            tlsTunnelCAFile: {{_folder.File("ca.crt")}}
            tlsTunnelCertFile: {{_folder.File("server.crt")}}
            tlsTunnelPrivateKeyFile: {{_folder.File("server.key")}}
            tlsStreamCAFile: {{_folder.File("stream.crt")}}
            tlsStreamCertFile: {{_folder.File("stream.crt")}}
            tlsStreamPrivateKeyFile: {{_folder.File("stream.key")}}
          router: {enable: false}
          dynamicController: {enable: false}
          iptablesManager: {enable: false, mode: internal}
        """);
}
