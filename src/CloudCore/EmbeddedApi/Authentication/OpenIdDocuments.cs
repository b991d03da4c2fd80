using EdgeSync.CloudCore.EmbeddedApi.Discovery;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>What others need to check service account tokens themselves: the issuer's OpenID configuration and its keys.</summary>
internal sealed class OpenIdDocuments
{
    public const string ConfigurationPath = "/.well-known/openid-configuration";
    public const string KeysPath = "/openid/v1/jwks";

    private readonly byte[] _configuration;
    private readonly byte[] _keys;

    public OpenIdDocuments(ServiceAccountTokens tokens)
    {
        _configuration = DiscoveryDocuments.Render(writer =>
        {
            writer.WriteString("issuer"u8, tokens.Issuer);
            writer.WriteString("jwks_uri"u8, tokens.Issuer.TrimEnd('/') + KeysPath);
            WriteList(writer, "response_types_supported", "id_token");
            WriteList(writer, "subject_types_supported", "public");
            WriteList(writer, "id_token_signing_alg_values_supported", tokens.Key.Algorithm);
        });
        _keys = DiscoveryDocuments.Render(writer =>
        {
            writer.WriteStartArray("keys"u8);
            tokens.Key.WriteJwk(writer);
            writer.WriteEndArray();
        });
    }

    /// <summary>False where the path is none of theirs.</summary>
    public async Task<bool> TryAnswerAsync(HttpContext context, string path)
    {
        if (path is not (ConfigurationPath or KeysPath))
        {
            return false;
        }

        if (context.Request.Method is not ("GET" or "HEAD"))
        {
            throw Serving.ApiException.MethodNotAllowed();
        }

        context.Response.Headers.CacheControl = "public, max-age=3600";
        await (path == KeysPath
            ? DiscoveryDocuments.WriteAsync(context, _keys, "application/jwk-set+json")
            : DiscoveryDocuments.WriteAsync(context, _configuration));
        return true;
    }

    private static void WriteList(System.Text.Json.Utf8JsonWriter writer, string name, string value)
    {
        writer.WriteStartArray(name);
        writer.WriteStringValue(value);
        writer.WriteEndArray();
    }
}
