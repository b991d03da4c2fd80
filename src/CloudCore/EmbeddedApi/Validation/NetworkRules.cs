using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for ingresses and network policies, in Kubernetes' order.</summary>
internal static class NetworkRules
{
    private static readonly string[] s_pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
    private static readonly string[] s_policyTypes = ["Egress", "Ingress"];
    private static readonly string[] s_protocols = ["SCTP", "TCP", "UDP"];

    public static void CheckIngress(JsonObject ingress, JsonObject? old, FieldErrors errors)
    {
        var spec = ingress.ObjectOrNew("spec");
        if (spec.List("rules") is not { Count: > 0 } && spec.Object("defaultBackend") is null)
        {
            errors.Invalid("spec", spec["rules"] ?? new JsonArray(), "either `defaultBackend` or `rules` must be specified");
        }

        if (spec.Object("defaultBackend") is { } backend)
        {
            CheckBackend(backend, "spec.defaultBackend", errors);
        }

        var index = 0;
        foreach (var rule in spec.Objects("rules"))
        {
            CheckRule(rule, FormattableString.Invariant($"spec.rules[{index++}]"), errors);
        }

        if (spec.Text("ingressClassName") is { } name && NameRules.Subdomain(name) is { } why)
        {
            errors.Invalid("spec.ingressClassName", name, why);
        }
    }

    public static void CheckIngressClass(JsonObject ingressClass, JsonObject? old, FieldErrors errors)
    {
        var controller = ingressClass.ObjectOrNew("spec").Text("controller") ?? "";
        if (old is null && controller.Length == 0)
        {
            errors.Required("spec.controller");
        }
        else if (controller.Length > 250)
        {
            errors.TooLong("spec.controller", 250);
        }
        else if (controller.Length > 0 && (controller.IndexOf('/', StringComparison.Ordinal) < 0 || NameRules.QualifiedName(controller) is not null))
        {
            errors.Invalid("spec.controller", controller, "must be a domain-prefixed path (such as \"acme.io/foo\")");
        }

        if (old is not null && old.ObjectOrNew("spec").Text("controller") != controller)
        {
            errors.Invalid("spec.controller", controller, NumberRules.Immutable);
        }
    }

    public static void CheckNetworkPolicy(JsonObject policy, JsonObject? old, FieldErrors errors)
    {
        var spec = policy.ObjectOrNew("spec");
        SelectorRules.Check(spec.Object("podSelector") ?? [], "spec.podSelector", errors);
        CheckRules(spec, "ingress", "from", errors);
        CheckRules(spec, "egress", "to", errors);
        var types = (spec.List("policyTypes") ?? []).Select(t => t.AsText() ?? "").ToList();
        if (types.Count > s_policyTypes.Length)
        {
            errors.Invalid("spec.policyTypes", spec["policyTypes"], "may not specify more than two policyTypes");
            return;
        }

        for (var i = 0; i < types.Count; i++)
        {
            if (!s_policyTypes.Contains(types[i]))
            {
                errors.NotSupported(FormattableString.Invariant($"spec.policyTypes[{i}]"), types[i], s_policyTypes);
            }
        }
    }

    private static void CheckRule(JsonObject rule, string field, FieldErrors errors)
    {
        if (rule.Text("host") is { Length: > 0 } host)
        {
            var why = host.Contains('*', StringComparison.Ordinal) ? NameRules.WildcardSubdomain(host)
                : IPAddress.TryParse(host, out _) && NumberRules.IsAddress(host) ? "must be a DNS name, not an IP address" : NameRules.Subdomain(host);
            if (why is not null)
            {
                errors.Invalid($"{field}.host", host, why);
            }
        }

        if (rule.Object("http") is not { } http)
        {
            return;
        }

        if (http.List("paths") is not { Count: > 0 })
        {
            errors.Required($"{field}.http.paths");
        }

        var index = 0;
        foreach (var path in http.Objects("paths"))
        {
            CheckPath(path, FormattableString.Invariant($"{field}.http.paths[{index++}]"), errors);
        }
    }

    private static void CheckPath(JsonObject path, string field, FieldErrors errors)
    {
        var text = path.Text("path") ?? "";
        switch (path.Text("pathType"))
        {
            case null:
                errors.Required($"{field}.pathType", "pathType must be specified");
                break;
            case "Exact" or "Prefix" when !text.StartsWith('/'):
                errors.Invalid($"{field}.path", text, "must be an absolute path");
                break;
            case "ImplementationSpecific" when text.Length > 0 && !text.StartsWith('/'):
                errors.Invalid($"{field}.path", text, "must be an absolute path");
                break;
            case var type when !s_pathTypes.Contains(type):
                errors.NotSupported($"{field}.pathType", type!, s_pathTypes);
                break;
        }

        CheckBackend(path.Object("backend") ?? [], $"{field}.backend", errors);
    }

    private static void CheckBackend(JsonObject backend, string field, FieldErrors errors)
    {
        var service = backend.Object("service");
        if (service is not null && backend.Object("resource") is not null)
        {
            errors.Invalid(field, "", "cannot set both resource and service backends");
            return;
        }

        if (service is null)
        {
            if (backend.Object("resource") is null)
            {
                errors.Required($"{field}", "resource or service backend is required");
            }

            return;
        }

        if (service.Text("name") is not { Length: > 0 } name)
        {
            errors.Required($"{field}.service.name");
        }
        else if (NameRules.ServiceLabel(name) is { } why)
        {
            errors.Invalid($"{field}.service.name", name, why);
        }

        var port = service.Object("port") ?? [];
        if (port.Text("name") is { Length: > 0 } portName)
        {
            if (port.Number("number") is not (null or 0))
            {
                errors.Invalid(field, "", "cannot set both port name & port number");
            }

            foreach (var wrong in NameRules.PortName(portName))
            {
                errors.Invalid($"{field}.service.port.name", portName, wrong);
            }
        }
        else if ((port.Number("number") ?? 0) == 0)
        {
            errors.Required(field, "port name or number is required");
        }
        else
        {
            NumberRules.CheckPort(port.Number("number")!.Value, $"{field}.service.port.number", errors);
        }
    }

    private static void CheckRules(JsonObject spec, string list, string peers, FieldErrors errors)
    {
        var index = 0;
        foreach (var rule in spec.Objects(list))
        {
            var field = FormattableString.Invariant($"spec.{list}[{index++}]");
            var at = 0;
            foreach (var port in rule.Objects("ports"))
            {
                var place = FormattableString.Invariant($"{field}.ports[{at++}]");
                PodSpecRules.CheckOneOf(port, "protocol", s_protocols, place, errors);
                if (port["port"] is { } number)
                {
                    NumberRules.CheckPort(number, $"{place}.port", errors);
                }
            }

            at = 0;
            foreach (var peer in rule.Objects(peers))
            {
                CheckPeer(peer, FormattableString.Invariant($"{field}.{peers}[{at++}]"), errors);
            }
        }
    }

    private static void CheckPeer(JsonObject peer, string field, FieldErrors errors)
    {
        foreach (var member in (string[])["podSelector", "namespaceSelector"])
        {
            SelectorRules.Check(peer.Object(member) ?? [], $"{field}.{member}", errors);
        }

        if (peer.Count == 0)
        {
            errors.Required(field, "must specify a peer");
        }

        if (peer.Object("ipBlock") is not { } block)
        {
            return;
        }

        if (peer.Count > 1)
        {
            errors.Forbidden(field, "may not specify both ipBlock and another peer");
        }

        var range = block.Text("cidr") ?? "";
        if (range.Length == 0)
        {
            errors.Required($"{field}.ipBlock.cidr");
        }
        else if (!IPNetwork.TryParse(range, out _))
        {
            errors.Invalid($"{field}.ipBlock.cidr", range, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        }
    }
}
