using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>The cluster that this program runs in as a pod: its service account, and the API by the variables that every pod gets.</summary>
internal static class InCluster
{
    /// <summary>Where Kubernetes mounts a pod's service account.</summary>
    public const string ServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string Remedy = "; leave --in-cluster out, and name a kubeconfig, where this is no pod";

    /// <exception cref="KubeConfigException">This is no pod, or one without service account.</exception>
    /// <param name="folder"><see cref="ServiceAccountFolder"/>.</param>
    /// <param name="variable">The environment.</param>
    public static KubeConfig Load(string folder, Func<string, string?> variable)
    {
        var host = variable("KUBERNETES_SERVICE_HOST");
        var port = variable("KUBERNETES_SERVICE_PORT");
        if (string.IsNullOrEmpty(host) || string.IsNullOrEmpty(port))
        {
            throw new KubeConfigException($"--in-cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, as they are in a pod{Remedy}");
        }

        var name = IPAddress.TryParse(host, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{host}]" : host;
        if (!Uri.TryCreate($"https://{name}:{port}", UriKind.Absolute, out var server))
        {
            throw new KubeConfigException($"--in-cluster: KUBERNETES_SERVICE_HOST \"{host}\" and KUBERNETES_SERVICE_PORT \"{port}\" are no address");
        }

        var token = Path.Combine(folder, "token");
        if (!File.Exists(token))
        {
            throw new KubeConfigException($"--in-cluster: {token} is not there: the pod has no service account's token (automountServiceAccountToken){Remedy}");
        }

        var ns = Path.Combine(folder, "namespace");
        return new KubeConfig
        {
            Server = server,
            CertificateAuthority = Authority(Path.Combine(folder, "ca.crt")),
            TokenFile = token,
            Namespace = File.Exists(ns) && File.ReadAllText(ns).Trim() is { Length: > 0 } text ? text : "default",
        };
    }

    private static X509Certificate2Collection Authority(string file)
    {
        try
        {
            var authority = new X509Certificate2Collection();
            authority.ImportFromPemFile(file);
            return authority.Count > 0 ? authority : throw new KubeConfigException($"--in-cluster: {file} holds no PEM certificate");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new KubeConfigException($"--in-cluster: {file} cannot be read: {e.Message}", e);
        }
    }
}
