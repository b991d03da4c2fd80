using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults of services, endpoints and network policies.</summary>
internal static class NetworkDefaults
{
    private const int AffinitySeconds = 10800;

    public static void Service(JsonObject service)
    {
        var spec = service.ObjectOrNew("spec");
        spec.SetDefault("sessionAffinity", "None");
        if (spec.Text("sessionAffinity") == "ClientIP")
        {
            spec.ObjectOrNew("sessionAffinityConfig").ObjectOrNew("clientIP").SetDefault("timeoutSeconds", AffinitySeconds);
        }
        else
        {
            spec.Remove("sessionAffinityConfig");
        }

        spec.SetDefault("type", "ClusterIP");
        foreach (var port in spec.Objects("ports"))
        {
            port.SetDefault("protocol", "TCP");
            if (port["targetPort"] is null || port["targetPort"]!.ToString() is "0" or "")
            {
                port["targetPort"] = port["port"]?.DeepClone() ?? 0;
            }
        }

        var type = spec.Text("type");
        if (type is "NodePort" or "LoadBalancer")
        {
            spec.SetDefault("externalTrafficPolicy", "Cluster");
        }

        if (type is "ClusterIP" or "NodePort" or "LoadBalancer")
        {
            spec.SetDefault("internalTrafficPolicy", "Cluster");
        }

        if (type == "LoadBalancer")
        {
            spec["allocateLoadBalancerNodePorts"] ??= true;
        }

        service.ObjectOrNew("status").ObjectOrNew("loadBalancer");
    }

    public static void Endpoints(JsonObject endpoints)
    {
        foreach (var port in endpoints.Objects("subsets").SelectMany(s => s.Objects("ports")))
        {
            port.SetDefault("protocol", "TCP");
        }
    }

    public static void EndpointSlice(JsonObject slice)
    {
        foreach (var port in slice.Objects("ports"))
        {
            port.SetDefault("name", "");
            port.SetDefault("protocol", "TCP");
        }
    }

    public static void NetworkPolicy(JsonObject policy)
    {
        var spec = policy.ObjectOrNew("spec");
        if (spec.List("policyTypes") is null or { Count: 0 })
        {
            spec["policyTypes"] = spec.List("egress") is { Count: > 0 } ? new JsonArray("Ingress", "Egress") : new JsonArray("Ingress");
        }

        foreach (var port in spec.Objects("ingress").Concat(spec.Objects("egress")).SelectMany(r => r.Objects("ports")))
        {
            port.SetDefault("protocol", "TCP");
        }
    }

    public static void Ingress(JsonObject ingress) => ingress.ObjectOrNew("status").ObjectOrNew("loadBalancer");

    public static void IngressClass(JsonObject ingressClass) => ingressClass.ObjectOrNew("spec").Object("parameters")?.SetDefault("scope", "Cluster");
}
