using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.Protocol.Enrollment;

/// <summary>
/// Who a certificate or a signing request speaks for: the common name and the one organization of its subject, as
/// Kubernetes reads user and group from them. A node is CN <c>system:node:NAME</c>, O <c>system:nodes</c>.
/// </summary>
/// <param name="CommonName">The subject's one CN.</param>
/// <param name="Organization">The subject's one O.</param>
public sealed record NodeIdentity(string CommonName, string Organization)
{
    public const string NodePrefix = "system:node:";

    public const string NodesOrganization = "system:nodes";

    private const string CommonNameOid = "2.5.4.3";
    private const string OrganizationOid = "2.5.4.10";

    /// <summary>The node's name, or null when this is not a node's identity.</summary>
    public string? NodeName =>
        Organization == NodesOrganization
        && CommonName.StartsWith(NodePrefix, StringComparison.Ordinal)
        && Enrollment.NodeName.Problem(CommonName[NodePrefix.Length..]) is null
            ? CommonName[NodePrefix.Length..]
            : null;

    public static NodeIdentity ForNode(string nodeName) => new(NodePrefix + nodeName, NodesOrganization);

    /// <summary>
    /// Null unless the subject has exactly one CN and exactly one O: with several, two readers could each pick another.
    /// Other attributes (KubeEdge's agent sends C, L and ST) say nothing about identity.
    /// </summary>
    public static NodeIdentity? FromSubject(X500DistinguishedName subject)
    {
        string? commonName = null;
        string? organization = null;
        foreach (var part in subject.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (part.HasMultipleElements)
            {
                return null;
            }

            switch (part.GetSingleElementType().Value)
            {
                case CommonNameOid when commonName is null:
                    commonName = part.GetSingleElementValue();
                    break;
                case OrganizationOid when organization is null:
                    organization = part.GetSingleElementValue();
                    break;
                case CommonNameOid or OrganizationOid:
                    return null;
            }
        }

        return commonName is null || organization is null ? null : new NodeIdentity(commonName, organization);
    }

    /// <summary>The subject of a certificate for this identity.</summary>
    public X500DistinguishedName ToSubject()
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(CommonName); // the builder encodes the last part first
        subject.AddOrganizationName(Organization);
        return subject.Build();
    }
}
