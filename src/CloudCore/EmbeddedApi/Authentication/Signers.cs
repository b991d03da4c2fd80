namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>Kubernetes' own signers that the hub's CA serves, and what each signs.</summary>
internal static class Signers
{
    public const string Client = "kubernetes.io/kube-apiserver-client";
    public const string KubeletClient = "kubernetes.io/kube-apiserver-client-kubelet";
    public const string KubeletServing = "kubernetes.io/kubelet-serving";

    private const string Nodes = "system:nodes";
    private const string NodePrefix = "system:node:";

    /// <summary>Every usage that a request may name.</summary>
    public static readonly IReadOnlyList<string> Usages =
    [
        "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
        "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
        "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
    ];

    /// <summary>Why the signer signs no such certificate; null where it does, or where it is none of ours.</summary>
    public static string? Problem(string signer, SigningRequest request, IReadOnlyCollection<string> usages) => signer switch
    {
        Client => UsageProblem(usages, "client auth", exactly: false)
            ?? (request.IsPlain && request.CommonName.Length > 0 ? null : "the subject must have exactly one common name"),
        KubeletClient => NodeProblem(request)
            ?? UsageProblem(usages, "client auth", exactly: true)
            ?? (request.HasAlternativeNames ? "subject alternative names are not allowed" : null),
        KubeletServing => NodeProblem(request)
            ?? UsageProblem(usages, "server auth", exactly: true)
            ?? (request.HasOtherNames ? "only DNS and IP subjectAltNames are allowed"
                : request.DnsNames.Count + request.Addresses.Count == 0 ? "at least one DNS or IP subjectAltName is required" : null),
        _ => null,
    };

    public static bool IsOurs(string signer) => signer is Client or KubeletClient or KubeletServing;

    private static string? NodeProblem(SigningRequest request)
    {
        if (!request.IsPlain || request.Organizations is not [Nodes])
        {
            return $"subject organization is not {Nodes}";
        }

        return request.CommonName.StartsWith(NodePrefix, StringComparison.Ordinal) && request.CommonName.Length > NodePrefix.Length
            ? null
            : $"subject common name does not begin with {NodePrefix}";
    }

    private static string? UsageProblem(IReadOnlyCollection<string> usages, string needed, bool exactly)
    {
        var wide = usages.FirstOrDefault(u => u is not ("digital signature" or "key encipherment") && u != needed);
        if (wide is not null)
        {
            return $"usage \"{wide}\" is not allowed";
        }

        return !usages.Contains(needed) ? $"usage \"{needed}\" is required"
            : exactly && !usages.Contains("digital signature") ? "usage \"digital signature\" is required"
            : null;
    }
}
