using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>The administrator's kubeconfig, certificates embedded, so that the one file can be copied elsewhere.</summary>
internal static class Kubeconfig
{
    private const string ClusterName = "edgesync";
    private const string UserName = "kubernetes-admin";

    public static string Render(string server, string caPem, string certificatePem, string keyPem) => JsonToYaml.Write(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Config",
        ["clusters"] = new JsonArray(new JsonObject
        {
            ["name"] = ClusterName,
            ["cluster"] = new JsonObject { ["server"] = server, ["certificate-authority-data"] = Encode(caPem) },
        }),
        ["users"] = new JsonArray(new JsonObject
        {
            ["name"] = UserName,
            ["user"] = new JsonObject { ["client-certificate-data"] = Encode(certificatePem), ["client-key-data"] = Encode(keyPem) },
        }),
        ["contexts"] = new JsonArray(new JsonObject
        {
            ["name"] = ClusterName,
            ["context"] = new JsonObject { ["cluster"] = ClusterName, ["user"] = UserName },
        }),
        ["current-context"] = ClusterName,
    });

    /// <summary>Whether the file still names the API's port; its host may have been changed by hand.</summary>
    public static bool PointsTo(string kubeconfig, int port) =>
        kubeconfig.Split('\n').Any(line =>
            line.Trim().StartsWith("server:", StringComparison.Ordinal)
            && line.TrimEnd().EndsWith(string.Create(CultureInfo.InvariantCulture, $":{port}"), StringComparison.Ordinal));

    private static string Encode(string pem) => Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
}
