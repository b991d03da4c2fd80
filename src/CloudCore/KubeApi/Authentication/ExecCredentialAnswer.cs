using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>
/// What an exec plugin writes:
/// <code>
/// {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",
///  "status":{"expirationTimestamp":"2026-03-01T08:12:31Z","token":"…","clientCertificateData":"PEM","clientKeyData":"PEM"}}
/// </code>
/// No message of a failure holds any of it: it is a secret.
/// </summary>
internal static class ExecCredentialAnswer
{
    /// <exception cref="ExecPluginException">It is something else.</exception>
    public static (Credential Credential, DateTimeOffset? Expires) Read(byte[] answer, string apiVersion)
    {
        var root = Parse(answer);
        if (Text(root, "kind") != "ExecCredential" || Text(root, "apiVersion") != apiVersion)
        {
            throw new ExecPluginException($"its answer is not an ExecCredential of {apiVersion}");
        }

        if (root["status"] is not JsonObject status)
        {
            throw new ExecPluginException("its answer has no status");
        }

        var token = Text(status, "token");
        var (certificate, chain) = Certificate(Text(status, "clientCertificateData"), Text(status, "clientKeyData"));
        if (token is null && certificate is null)
        {
            throw new ExecPluginException("its answer has neither a token nor a client certificate");
        }

        DateTimeOffset? expires = null;
        if (Text(status, "expirationTimestamp") is { } text)
        {
            expires = KubeTime.TryParse(text, out var at)
                ? at
                : throw new ExecPluginException("the expirationTimestamp of its answer is not a time of RFC 3339");
        }

        return (new Credential { Token = token, Certificate = certificate, Chain = chain }, expires);
    }

    private static JsonObject Parse(byte[] answer)
    {
        try
        {
            return JsonNode.Parse(answer) as JsonObject ?? throw new ExecPluginException("its answer is not a JSON object");
        }
        catch (JsonException e)
        {
            throw new ExecPluginException($"its answer ({answer.Length} bytes) is not JSON", e);
        }
    }

    private static string? Text(JsonObject node, string member) => node[member] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text.Length > 0 ? text : null,
        _ => throw new ExecPluginException($"{member} of its answer is not a string"),
    };

    private static (X509Certificate2?, X509Certificate2Collection?) Certificate(string? certificate, string? key)
    {
        if (certificate is null && key is null)
        {
            return (null, null);
        }

        if (certificate is null || key is null)
        {
            throw new ExecPluginException("clientCertificateData and clientKeyData of its answer must come together");
        }

        try
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPem(certificate);
            var own = X509Certificate2.CreateFromPem(certificate, key);
            all.RemoveAt(0);
            return (own, all);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ExecPluginException("clientCertificateData and clientKeyData of its answer are not a PEM pair that belongs together", e);
        }
    }
}
