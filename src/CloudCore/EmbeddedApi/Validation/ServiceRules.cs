using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for services, endpoints and endpoint slices, in Kubernetes' order.</summary>
internal static class ServiceRules
{
    private const int LongestAffinitySeconds = 86400;
    private const int MostAddresses = 100;
    private const int MostEndpoints = 1000;
    private static readonly string[] s_types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    private static readonly string[] s_protocols = ["SCTP", "TCP", "UDP"];
    private static readonly string[] s_affinities = ["ClientIP", "None"];
    private static readonly string[] s_policies = ["Cluster", "Local"];
    private static readonly string[] s_families = ["IPv4", "IPv6"];
    private static readonly string[] s_familyPolicies = ["PreferDualStack", "RequireDualStack", "SingleStack"];

    public static void CheckService(JsonObject service, JsonObject? old, FieldErrors errors)
    {
        var spec = service.ObjectOrNew("spec");
        var type = spec.Text("type") ?? "";
        var headless = spec.Text("clusterIP") == "None";
        if (spec.List("ports") is not { Count: > 0 } && !headless && type != "ExternalName")
        {
            errors.Required("spec.ports");
        }

        CheckType(spec, type, errors);
        CheckPorts(spec, type, headless, errors);
        ObjectMetaRules.CheckLabels(spec.Object("selector"), "spec.selector", errors);
        CheckOneOf(spec, "sessionAffinity", s_affinities, errors);
        if (spec.Text("sessionAffinity") == "ClientIP"
            && spec.Object("sessionAffinityConfig")?.Object("clientIP")?.Number("timeoutSeconds") is { } seconds && seconds is <= 0 or > LongestAffinitySeconds)
        {
            errors.Invalid(
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, $"must be greater than 0 and less than {LongestAffinitySeconds}");
        }

        CheckClusterIps(spec, type, errors);
        CheckExternal(spec, type, errors);
        if (old?.Object("spec") is { } before)
        {
            CheckChange(spec, before, errors);
        }
    }

    public static void CheckEndpoints(JsonObject endpoints, JsonObject? old, FieldErrors errors)
    {
        var index = 0;
        foreach (var subset in endpoints.Objects("subsets"))
        {
            var field = FormattableString.Invariant($"subsets[{index++}]");
            if (subset.List("addresses") is not { Count: > 0 } && subset.List("notReadyAddresses") is not { Count: > 0 })
            {
                errors.Required(field, "must specify `addresses` or `notReadyAddresses`");
            }

            foreach (var list in (string[])["addresses", "notReadyAddresses"])
            {
                CheckEndpointAddresses(subset, list, field, errors);
            }

            CheckEndpointPorts(subset, field, errors);
        }
    }

    public static void CheckEndpointSlice(JsonObject slice, JsonObject? old, FieldErrors errors)
    {
        var type = slice.Text("addressType") ?? "";
        if (type.Length == 0)
        {
            errors.Required("addressType");
        }
        else if (type is not ("IPv4" or "IPv6" or "FQDN"))
        {
            errors.NotSupported("addressType", type, "FQDN", "IPv4", "IPv6");
        }

        CheckSliceEndpoints(slice, type, errors);
        var names = new HashSet<string>();
        var index = 0;
        foreach (var port in slice.Objects("ports"))
        {
            var field = FormattableString.Invariant($"ports[{index++}]");
            var name = port.Text("name") ?? "";
            if (name.Length > 0 && NameRules.Label(name) is { } why)
            {
                errors.Invalid($"{field}.name", name, why);
            }

            if (!names.Add(name))
            {
                errors.Duplicate($"{field}.name", name);
            }

            PodSpecRules.CheckOneOf(port, "protocol", s_protocols, field, errors);
        }

        if (old is not null && old.Text("addressType") != type)
        {
            errors.Invalid("addressType", type, NumberRules.Immutable);
        }
    }

    private static void CheckType(JsonObject spec, string type, FieldErrors errors)
    {
        switch (type)
        {
            case "LoadBalancer" or "NodePort" when spec.Text("clusterIP") == "None":
                errors.Invalid("spec.clusterIPs[0]", "None", $"may not be set to 'None' for {type} services");
                break;
            case "ExternalName":
                if (spec.List("clusterIPs") is { Count: > 0 })
                {
                    errors.Forbidden("spec.clusterIPs", "may not be set for ExternalName services");
                }

                var name = (spec.Text("externalName") ?? "").TrimEnd('.');
                if (name.Length == 0)
                {
                    errors.Required("spec.externalName");
                }
                else if (NameRules.Subdomain(name) is { } why)
                {
                    errors.Invalid("spec.externalName", name, why);
                }

                break;
        }
    }

    private static void CheckPorts(JsonObject spec, string type, bool headless, FieldErrors errors)
    {
        var ports = spec.Objects("ports").ToList();
        var names = new HashSet<string>();
        var protocolPorts = new HashSet<(string?, long)>();
        for (var i = 0; i < ports.Count; i++)
        {
            var field = FormattableString.Invariant($"spec.ports[{i}]");
            CheckPortName(ports[i], ports.Count > 1, names, $"{field}.name", errors);
            NumberRules.CheckPort(ports[i].Number("port") ?? 0, $"{field}.port", errors);
            CheckOneOf(ports[i], "protocol", s_protocols, errors, field);
            NumberRules.CheckPort(ports[i]["targetPort"], $"{field}.targetPort", errors);
            if (ports[i].Text("appProtocol") is { } protocol && NameRules.QualifiedName(protocol) is { } why)
            {
                errors.Invalid($"{field}.appProtocol", protocol, why);
            }
        }

        if (!s_types.Contains(type))
        {
            errors.NotSupported("spec.type", type, s_types);
        }

        for (var i = 0; i < ports.Count; i++)
        {
            var field = FormattableString.Invariant($"spec.ports[{i}]");
            if (type == "ClusterIP" && (ports[i].Number("nodePort") ?? 0) != 0)
            {
                errors.Forbidden($"{field}.nodePort", "may not be used when `type` is 'ClusterIP'");
            }

            if (!protocolPorts.Add((ports[i].Text("protocol"), ports[i].Number("port") ?? 0)))
            {
                errors.Duplicate(field, ports[i]);
            }
        }
    }

    private static void CheckPortName(JsonObject port, bool needed, HashSet<string> names, string field, FieldErrors errors)
    {
        var name = port.Text("name") ?? "";
        if (name.Length == 0)
        {
            if (needed)
            {
                errors.Required(field);
            }
        }
        else if (NameRules.Label(name) is { } why)
        {
            errors.Invalid(field, name, why);
        }
        else if (!names.Add(name))
        {
            errors.Duplicate(field, name);
        }
    }

    private static void CheckClusterIps(JsonObject spec, string type, FieldErrors errors)
    {
        var list = (spec.List("clusterIPs") ?? []).Select(a => a.AsText() ?? "").ToList();
        if (type == "ExternalName")
        {
            return;
        }

        CheckFamilies(spec, errors);
        if (list.Count > 0 && list[0] != spec.Text("clusterIP"))
        {
            errors.Invalid("spec.clusterIPs", spec["clusterIPs"], "first value must match `clusterIP`");
        }

        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] != "None" || i > 0)
            {
                NumberRules.CheckAddress(list[i], FormattableString.Invariant($"spec.clusterIPs[{i}]"), errors);
            }
        }

        if (list.Count > 2)
        {
            errors.Invalid("spec.clusterIPs", spec["clusterIPs"], "may only hold up to 2 values");
        }
    }

    private static void CheckFamilies(JsonObject spec, FieldErrors errors)
    {
        CheckOneOf(spec, "ipFamilyPolicy", s_familyPolicies, errors);
        var index = 0;
        var seen = new HashSet<string>();
        foreach (var family in (spec.List("ipFamilies") ?? []).Select(f => f.AsText() ?? ""))
        {
            var field = FormattableString.Invariant($"spec.ipFamilies[{index++}]");
            if (!s_families.Contains(family))
            {
                errors.NotSupported(field, family, s_families);
            }
            else if (!seen.Add(family))
            {
                errors.Duplicate(field, family);
            }
        }
    }

    private static void CheckExternal(JsonObject spec, string type, FieldErrors errors)
    {
        var index = 0;
        foreach (var address in spec.List("externalIPs") ?? [])
        {
            NumberRules.CheckRoutable(address.AsText() ?? "", FormattableString.Invariant($"spec.externalIPs[{index++}]"), errors);
        }

        const string ranges = "spec.loadBalancerSourceRanges";
        if (spec.List("loadBalancerSourceRanges") is { Count: > 0 } given)
        {
            if (type != "LoadBalancer")
            {
                errors.Forbidden(ranges, "may only be used when `type` is 'LoadBalancer'");
            }

            for (var i = 0; i < given.Count; i++)
            {
                var text = (given[i].AsText() ?? "").Trim();
                if (!IPNetwork.TryParse(text, out _))
                {
                    errors.Invalid(FormattableString.Invariant($"{ranges}[{i}]"), text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
                }
            }
        }

        var external = type is "NodePort" or "LoadBalancer" || spec.List("externalIPs") is { Count: > 0 };
        if (spec.Text("externalTrafficPolicy") is { Length: > 0 } policy)
        {
            if (!external)
            {
                errors.Invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services");
            }
            else if (!s_policies.Contains(policy))
            {
                errors.NotSupported("spec.externalTrafficPolicy", policy, s_policies);
            }
        }

        if (spec.Number("healthCheckNodePort") is > 0 and var health && !(type == "LoadBalancer" && spec.Text("externalTrafficPolicy") == "Local"))
        {
            errors.Invalid("spec.healthCheckNodePort", health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
        }

        CheckOneOf(spec, "internalTrafficPolicy", s_policies, errors);
        if (type != "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] is not null)
        {
            errors.Forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'");
        }

        if (type != "LoadBalancer" && spec["loadBalancerClass"] is not null)
        {
            errors.Forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'");
        }
    }

    /// <summary>Clients and rules of the network hold on to an address, so it stays.</summary>
    private static void CheckChange(JsonObject spec, JsonObject before, FieldErrors errors)
    {
        if (spec.Text("type") == "ExternalName" || before.Text("type") == "ExternalName" || before.Text("clusterIP") is null or "")
        {
            return;
        }

        if (spec.Text("clusterIP") != before.Text("clusterIP"))
        {
            errors.Invalid("spec.clusterIPs[0]", spec["clusterIPs"], "may not change once set");
        }
        else if (before.List("ipFamilies") is { Count: > 0 } families && spec.List("ipFamilies") is { Count: > 0 } wanted
            && families[0].AsText() != wanted[0].AsText())
        {
            errors.Invalid("spec.ipFamilies[0]", wanted[0], "may not change once set");
        }
    }

    private static void CheckEndpointAddresses(JsonObject subset, string list, string field, FieldErrors errors)
    {
        var index = 0;
        foreach (var address in subset.Objects(list))
        {
            var at = FormattableString.Invariant($"{field}.{list}[{index++}]");
            NumberRules.CheckRoutable(address.Text("ip") ?? "", $"{at}.ip", errors);
            if (address.Text("hostname") is { Length: > 0 } host && NameRules.Label(host) is { } why)
            {
                errors.Invalid($"{at}.hostname", host, why);
            }

            if (address.Text("nodeName") is { } node && NameRules.Subdomain(node) is { } wrong)
            {
                errors.Invalid($"{at}.nodeName", node, wrong);
            }
        }
    }

    private static void CheckEndpointPorts(JsonObject subset, string field, FieldErrors errors)
    {
        var ports = subset.Objects("ports").ToList();
        for (var i = 0; i < ports.Count; i++)
        {
            var at = FormattableString.Invariant($"{field}.ports[{i}]");
            var name = ports[i].Text("name") ?? "";
            if (name.Length == 0 && ports.Count > 1)
            {
                errors.Required($"{at}.name");
            }
            else if (name.Length > 0 && NameRules.Label(name) is { } why)
            {
                errors.Invalid($"{at}.name", name, why);
            }

            NumberRules.CheckPort(ports[i].Number("port") ?? 0, $"{at}.port", errors);
            PodSpecRules.CheckOneOf(ports[i], "protocol", s_protocols, at, errors);
        }
    }

    private static void CheckSliceEndpoints(JsonObject slice, string type, FieldErrors errors)
    {
        var endpoints = slice.Objects("endpoints").ToList();
        if (endpoints.Count > MostEndpoints)
        {
            errors.TooMany("endpoints", endpoints.Count, MostEndpoints);
            return;
        }

        for (var i = 0; i < endpoints.Count; i++)
        {
            var field = FormattableString.Invariant($"endpoints[{i}]");
            var addresses = endpoints[i].List("addresses") ?? [];
            if (addresses.Count == 0)
            {
                errors.Required($"{field}.addresses", "must contain at least 1 address");
            }
            else if (addresses.Count > MostAddresses)
            {
                errors.TooMany($"{field}.addresses", addresses.Count, MostAddresses);
            }

            for (var k = 0; k < addresses.Count; k++)
            {
                CheckSliceAddress(addresses[k].AsText() ?? "", type, FormattableString.Invariant($"{field}.addresses[{k}]"), errors);
            }
        }
    }

    private static void CheckSliceAddress(string address, string type, string field, FieldErrors errors)
    {
        if (type == "FQDN")
        {
            if (NameRules.Subdomain(address) is { } why)
            {
                errors.Invalid(field, address, why);
            }

            return;
        }

        if (type is not ("IPv4" or "IPv6"))
        {
            return;
        }

        if (NumberRules.IsAddress(address) && address.Contains(':', StringComparison.Ordinal) != (type == "IPv6"))
        {
            errors.Invalid(field, address, type == "IPv4" ? "must be an IPv4 address" : "must be an IPv6 address");
            return;
        }

        NumberRules.CheckRoutable(address, field, errors);
    }

    private static void CheckOneOf(JsonObject node, string member, string[] allowed, FieldErrors errors, string field = "spec") =>
        PodSpecRules.CheckOneOf(node, member, allowed, field, errors);
}
