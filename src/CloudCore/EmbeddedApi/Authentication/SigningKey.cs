using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// The key that signs service account tokens: ECDSA P-256 (ES256), or RSA of 2048 bits and more (RS256). For the life of the
/// server. Thread-safe.
/// </summary>
internal sealed class SigningKey : IDisposable
{
    private readonly Lock _gate = new(); // the platform's key objects are not for two threads at once
    private readonly ECDsa? _ecdsa;
    private readonly RSA? _rsa;

    private SigningKey(ECDsa? ecdsa, RSA? rsa)
    {
        _ecdsa = ecdsa;
        _rsa = rsa;
        var publicKey = ecdsa?.ExportSubjectPublicKeyInfo() ?? rsa!.ExportSubjectPublicKeyInfo();
        Id = Base64Url.EncodeToString(SHA256.HashData(publicKey));
    }

    /// <summary>Of the key's public half, so that a reader finds it among several.</summary>
    public string Id { get; }

    /// <summary>As a token's header names it.</summary>
    public string Algorithm => _ecdsa is not null ? "ES256" : "RS256";

    /// <exception cref="InvalidDataException">The file is no private key of a kind that can sign tokens.</exception>
    public static SigningKey Load(string file)
    {
        var pem = File.ReadAllText(file);
        try
        {
            var ecdsa = ECDsa.Create();
            ecdsa.ImportFromPem(pem);
            return ecdsa.KeySize == 256
                ? new SigningKey(ecdsa, null)
                : throw new InvalidDataException($"{file}: an ECDSA key must be on the curve P-256 to sign tokens");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return LoadRsa(file, pem);
        }
    }

    /// <summary>A key of its own, for tests and trials.</summary>
    public static SigningKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256), null);

    public byte[] Sign(ReadOnlySpan<byte> text)
    {
        lock (_gate)
        {
            return _ecdsa?.SignData(text, HashAlgorithmName.SHA256) ?? _rsa!.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
    }

    public bool Verify(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature)
    {
        lock (_gate)
        {
            return _ecdsa?.VerifyData(text, signature, HashAlgorithmName.SHA256)
                ?? _rsa!.VerifyData(text, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
    }

    /// <summary>The public half as a member of a JWK set.</summary>
    public void WriteJwk(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("use"u8, "sig"u8);
        writer.WriteString("kty"u8, _ecdsa is not null ? "EC"u8 : "RSA"u8);
        writer.WriteString("kid"u8, Id);
        if (_ecdsa is not null)
        {
            var point = _ecdsa.ExportParameters(includePrivateParameters: false).Q;
            writer.WriteString("crv"u8, "P-256"u8);
            writer.WriteString("alg"u8, Algorithm);
            writer.WriteString("x"u8, Base64Url.EncodeToString(point.X));
            writer.WriteString("y"u8, Base64Url.EncodeToString(point.Y));
        }
        else
        {
            var parameters = _rsa!.ExportParameters(includePrivateParameters: false);
            writer.WriteString("alg"u8, Algorithm);
            writer.WriteString("n"u8, Base64Url.EncodeToString(parameters.Modulus));
            writer.WriteString("e"u8, Base64Url.EncodeToString(parameters.Exponent));
        }

        writer.WriteEndObject();
    }

    public void Dispose()
    {
        _ecdsa?.Dispose();
        _rsa?.Dispose();
    }

    private static SigningKey LoadRsa(string file, string pem)
    {
        try
        {
            var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return rsa.KeySize >= 2048
                ? new SigningKey(null, rsa)
                : throw new InvalidDataException($"{file}: an RSA key must have 2048 bits or more to sign tokens");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException($"{file} is not a PEM private key (ECDSA P-256 or RSA) that can sign tokens: {e.Message}", e);
        }
    }
}
