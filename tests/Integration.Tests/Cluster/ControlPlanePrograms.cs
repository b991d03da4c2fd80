using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>
/// Kubernetes' own kube-controller-manager and kube-scheduler, on the embedded API of a cloudcore that leaves all controllers to
/// them. Each with the identity that it has on a real cluster, so that its rights are tried too.
/// </summary>
internal sealed class ControlPlanePrograms : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ProgramsCloud _cloud;
    private readonly List<ProgramsProcess> _processes = [];

    private ControlPlanePrograms(ProgramsCloud cloud) => _cloud = cloud;

    public static ControlPlanePrograms Start(ProgramsCloud cloud)
    {
        var programs = new ControlPlanePrograms(cloud);
        var authority = Path.Combine(cloud.DataFolder, "pki", "ca.crt");
        programs.Start(
            "kube-controller-manager",
            "--use-service-account-credentials=true", "--root-ca-file=" + authority,
            "--service-account-private-key-file=" + Path.Combine(cloud.DataFolder, "pki", "sa.key"),
            "--cluster-signing-cert-file=" + authority, "--cluster-signing-key-file=" + Path.Combine(cloud.DataFolder, "pki", "ca.key"));
        programs.Start("kube-scheduler");
        return programs;
    }

    public string LogTail() => string.Join('\n', _processes.Select(p => p.LogTail(15)));

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        _folder.Dispose();
    }

    private void Start(string name, params string[] options)
    {
        var kubeconfig = WriteKubeconfig("system:" + name);
        _processes.Add(ProgramsProcess.Start(
            Path.Combine(Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS")!, name),
            [
                "--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
                "--kube-api-content-type=application/json", "--bind-address=127.0.0.1", "--port=0",
                string.Create(CultureInfo.InvariantCulture, $"--secure-port={FreePort.Next()}"),
                "--leader-elect=true", "--cert-dir=" + _folder.File(name), .. options,
            ],
            _folder.File(name + ".log")));
    }

    private string WriteKubeconfig(string user)
    {
        var pki = Path.Combine(_cloud.DataFolder, "pki");
        using var authority = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "ca.crt"), Path.Combine(pki, "ca.key"));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + user, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        var now = DateTimeOffset.UtcNow;
        using var certificate = request.Create(authority, now.AddMinutes(-1), now.AddHours(1), RandomNumberGenerator.GetBytes(8));
        var file = _folder.File(user.Replace(':', '-') + ".kubeconfig");
        File.WriteAllText(file, $$$"""
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "https://127.0.0.1:{{{_cloud.ApiPort}}}", certificate-authority: "{{{Path.Combine(pki, "ca.crt")}}}"}}]
            users: [{name: u, user: {client-certificate-data: {{{Base64(certificate.ExportCertificatePem())}}}, client-key-data: {{{Base64(key.ExportPkcs8PrivateKeyPem())}}} }}]
            contexts: [{name: x, context: {cluster: c, user: u}}]
            current-context: x
            """);
        return file;

        static string Base64(string pem) => Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(pem));
    }
}
