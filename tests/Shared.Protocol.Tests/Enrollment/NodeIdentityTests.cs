using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.Protocol.Tests.Enrollment;

public sealed class NodeIdentityTests
{
    [Fact]
    public void KubeEdges_subject_is_a_node()
    {
        var identity = NodeIdentity.FromSubject(new X500DistinguishedName("C=CN, O=system:nodes, L=Hangzhou, S=Zhejiang, CN=system:node:edge-1"));

        Assert.Equal("edge-1", identity!.NodeName);
    }

    [Fact]
    public void A_subject_that_is_built_is_read_back()
    {
        Assert.Equal(NodeIdentity.ForNode("edge-1"), NodeIdentity.FromSubject(NodeIdentity.ForNode("edge-1").ToSubject()));
    }

    [Theory]
    [InlineData("CN=system:node:edge-1")]
    [InlineData("O=system:nodes")]
    [InlineData("O=system:nodes, CN=system:node:edge-1, CN=system:node:edge-2")]
    [InlineData("O=system:nodes, O=system:masters, CN=system:node:edge-1")]
    public void A_subject_with_not_exactly_one_name_and_one_organization_is_nobody(string subject)
    {
        Assert.Null(NodeIdentity.FromSubject(new X500DistinguishedName(subject)));
    }

    [Fact]
    public void Two_organizations_in_one_part_as_Go_encodes_them_are_nobody()
    {
        // SEQUENCE { SET { O=system:masters, O=system:nodes }, SET { CN=system:node:edge-1 } }
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSetOf())
            {
                Attribute(writer, "2.5.4.10", "system:masters");
                Attribute(writer, "2.5.4.10", "system:nodes");
            }

            using (writer.PushSetOf())
            {
                Attribute(writer, "2.5.4.3", "system:node:edge-1");
            }
        }

        Assert.Null(NodeIdentity.FromSubject(new X500DistinguishedName(writer.Encode())));
    }

    [Theory]
    [InlineData("O=system:masters, CN=system:node:edge-1")]
    [InlineData("O=system:nodes, CN=edge-1")]
    [InlineData("O=system:nodes, CN=system:node:Edge_1")]
    [InlineData("O=system:nodes, CN=system:node:")]
    public void Another_organization_or_name_is_no_node(string subject)
    {
        Assert.Null(NodeIdentity.FromSubject(new X500DistinguishedName(subject))!.NodeName);
    }

    [Fact]
    public void A_signing_request_names_the_node_and_nothing_else()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        var request = CertificateRequest.LoadSigningRequest(NodeCertificateRequest.Create(key, "edge-1"), HashAlgorithmName.SHA256);

        Assert.Equal(NodeIdentity.ForNode("edge-1"), NodeIdentity.FromSubject(request.SubjectName));
        Assert.Empty(request.CertificateExtensions);
    }

    [Theory]
    [InlineData("edge-1")]
    [InlineData("a")]
    [InlineData("1.2.3")]
    [InlineData("box.site-7.example.com")]
    public void These_names_are_fine(string name) => Assert.Null(NodeName.Problem(name));

    [Theory]
    [InlineData("")]
    [InlineData("Edge-1")]
    [InlineData("edge_1")]
    [InlineData("-edge")]
    [InlineData("edge-")]
    [InlineData(".edge")]
    [InlineData("edge..1")]
    [InlineData("edge/1")]
    [InlineData("edge 1")]
    [InlineData("edgé")]
    [InlineData("edge\n")]
    public void These_names_are_not(string name) => Assert.NotNull(NodeName.Problem(name));

    [Fact]
    public void The_longest_name_has_253_characters()
    {
        Assert.Null(NodeName.Problem(new string('a', 253)));
        Assert.NotNull(NodeName.Problem(new string('a', 254)));
    }

    private static void Attribute(AsnWriter writer, string oid, string value)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            writer.WriteCharacterString(UniversalTagNumber.UTF8String, value);
        }
    }
}
