using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of certificates.k8s.io/v1.</summary>
internal static class CertificatesKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "certificates.k8s.io", Version = "v1", Plural = "certificatesigningrequests", Singular = "certificatesigningrequest",
            Kind = "CertificateSigningRequest", ShortNames = ["csr"], Namespaced = false, Subresources = ["approval", "status"],
            Schema = schema.Type("CertificateSigningRequest"), Columns = CertificateColumns.All, SelectableFields = ["spec.signerName"],
            PrepareUpdate = KeepSpec, Validate = CertificateRules.Check,
        },
    ];

    /// <summary>What was asked for is never changed: it is what was approved.</summary>
    private static void KeepSpec(JsonObject request, JsonObject old) => request["spec"] = old["spec"]?.DeepClone();
}
