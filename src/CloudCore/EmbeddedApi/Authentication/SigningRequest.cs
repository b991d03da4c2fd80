using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>The PKCS#10 request inside a CertificateSigningRequest, read. It is signed by the key that it names.</summary>
internal sealed class SigningRequest
{
    private const int MostBytes = 64 * 1024;
    private const string CommonNameOid = "2.5.4.3";
    private const string OrganizationOid = "2.5.4.10";
    private const string AlternativeNamesOid = "2.5.29.17";

    private SigningRequest(CertificateRequest request)
    {
        Subject = request.SubjectName;
        Key = request.PublicKey;
        var organizations = new List<string>();
        foreach (var part in Subject.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (part.HasMultipleElements)
            {
                IsPlain = false;
                continue;
            }

            switch (part.GetSingleElementType().Value)
            {
                case CommonNameOid:
                    IsPlain &= CommonName.Length == 0;
                    CommonName = part.GetSingleElementValue() ?? "";
                    break;
                case OrganizationOid:
                    organizations.Add(part.GetSingleElementValue() ?? "");
                    break;
            }
        }

        Organizations = organizations;
        if (request.CertificateExtensions.FirstOrDefault(e => e.Oid?.Value == AlternativeNamesOid) is { } extension)
        {
            HasAlternativeNames = true;
            var names = new X509SubjectAlternativeNameExtension(extension.RawData);
            DnsNames = [.. names.EnumerateDnsNames()];
            Addresses = [.. names.EnumerateIPAddresses()];

            // what is neither a DNS name nor an address would be one of the kinds that no signer of ours grants
            var builder = new SubjectAlternativeNameBuilder();
            foreach (var name in DnsNames)
            {
                builder.AddDnsName(name);
            }

            foreach (var address in Addresses)
            {
                builder.AddIpAddress(address);
            }

            HasOtherNames = DnsNames.Count + Addresses.Count == 0 || builder.Build().RawData.Length != extension.RawData.Length;
        }
    }

    public X500DistinguishedName Subject { get; }

    public PublicKey Key { get; }

    public string CommonName { get; private set; } = "";

    public IReadOnlyList<string> Organizations { get; }

    /// <summary>Whether no reader could see another common name in it.</summary>
    public bool IsPlain { get; private set; } = true;

    public bool HasAlternativeNames { get; }

    /// <summary>E-mail addresses, URIs and the like.</summary>
    public bool HasOtherNames { get; }

    public IReadOnlyList<string> DnsNames { get; } = [];

    public IReadOnlyList<IPAddress> Addresses { get; } = [];

    /// <summary>Reads <c>spec.request</c>: base64 of PEM.</summary>
    public static SigningRequest? Read(string base64, out string problem)
    {
        problem = "";
        if (base64.Length > MostBytes)
        {
            problem = $"the request is longer than {MostBytes} bytes";
            return null;
        }

        try
        {
            var pem = Encoding.ASCII.GetString(Convert.FromBase64String(base64));
            if (!PemEncoding.TryFind(pem, out var fields) || pem[fields.Label] is not "CERTIFICATE REQUEST")
            {
                problem = "PEM block type must be CERTIFICATE REQUEST";
                return null;
            }

            var request = CertificateRequest.LoadSigningRequestPem(
                pem, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
            return new SigningRequest(request);
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException)
        {
            problem = "it is not a PKCS#10 request in PEM that is signed by its own key";
            return null;
        }
    }
}
