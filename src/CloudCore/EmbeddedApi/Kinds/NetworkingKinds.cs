using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of networking.k8s.io/v1.</summary>
internal static class NetworkingKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "networking.k8s.io", Version = "v1", Plural = "ingressclasses", Singular = "ingressclass", Kind = "IngressClass",
            Namespaced = false, Schema = schema.Type("IngressClass"), TracksGeneration = true, Columns = NetworkColumns.IngressClasses,
            Default = NetworkDefaults.IngressClass, Validate = NetworkRules.CheckIngressClass,
        },
        new()
        {
            Group = "networking.k8s.io", Version = "v1", Plural = "ingresses", Singular = "ingress", Kind = "Ingress", ShortNames = ["ing"],
            Subresources = ["status"], Schema = schema.Type("Ingress"), TracksGeneration = true, Columns = NetworkColumns.Ingresses,
            Default = NetworkDefaults.Ingress, Validate = NetworkRules.CheckIngress,
        },
        new()
        {
            Group = "networking.k8s.io", Version = "v1", Plural = "networkpolicies", Singular = "networkpolicy", Kind = "NetworkPolicy",
            ShortNames = ["netpol"], Schema = schema.Type("NetworkPolicy"), TracksGeneration = true,
            Columns = NetworkColumns.NetworkPolicies, Default = NetworkDefaults.NetworkPolicy, Validate = NetworkRules.CheckNetworkPolicy,
        },
    ];
}
