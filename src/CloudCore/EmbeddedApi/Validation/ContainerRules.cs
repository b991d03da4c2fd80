using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>What the containers of a pod spec must be.</summary>
internal static class ContainerRules
{
    private const int HighestPort = 65535;
    private static readonly string[] s_pullPolicies = ["Always", "IfNotPresent", "Never"];
    private static readonly string[] s_messagePolicies = ["File", "FallbackToLogsOnError"];
    private static readonly string[] s_protocols = ["TCP", "UDP", "SCTP"];
    private static readonly string[] s_schemes = ["HTTP", "HTTPS"];
    private static readonly string[] s_probeHandlers = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

    /// <summary>Checks one list of containers; names must differ over all lists of the pod.</summary>
    public static void CheckAll(
        JsonObject spec, string list, string field, HashSet<string> names, HashSet<string> volumes, FieldErrors errors)
    {
        var index = 0;
        foreach (var container in spec.Objects(list))
        {
            var at = FormattableString.Invariant($"{field}.{list}[{index++}]");
            CheckName(container, at, names, errors);
            var image = container.Text("image") ?? "";
            if (image.Length == 0)
            {
                errors.Required($"{at}.image");
            }
            else if (image.Trim().Length != image.Length)
            {
                errors.Invalid($"{at}.image", image, "must not have leading or trailing whitespace");
            }

            PodSpecRules.CheckOneOf(container, "imagePullPolicy", s_pullPolicies, at, errors);
            PodSpecRules.CheckOneOf(container, "terminationMessagePolicy", s_messagePolicies, at, errors);
            CheckPorts(container, $"{at}.ports", spec.IsTrue("hostNetwork"), errors);
            CheckEnvironment(container, at, errors);
            CheckMounts(container, $"{at}.volumeMounts", volumes, errors);
            QuantityRules.Check(container.Object("resources"), $"{at}.resources", errors);
            CheckProbes(container, at, errors);
        }
    }

    private static void CheckName(JsonObject container, string field, HashSet<string> names, FieldErrors errors)
    {
        var name = container.Text("name") ?? "";
        if (name.Length == 0)
        {
            errors.Required($"{field}.name");
        }
        else if (NameRules.Label(name) is { } why)
        {
            errors.Invalid($"{field}.name", name, why);
        }
        else if (!names.Add(name))
        {
            errors.Duplicate($"{field}.name", name);
        }
    }

    private static void CheckPorts(JsonObject container, string field, bool hostNetwork, FieldErrors errors)
    {
        var names = new HashSet<string>();
        var index = 0;
        foreach (var port in container.Objects("ports"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            if (port.Text("name") is { Length: > 0 } name)
            {
                var wrong = NameRules.PortName(name).ToList();
                wrong.ForEach(why => errors.Invalid($"{at}.name", name, why));
                if (wrong.Count == 0 && !names.Add(name))
                {
                    errors.Duplicate($"{at}.name", name);
                }
            }

            if (port.Number("containerPort") is not { } number || number == 0)
            {
                errors.Required($"{at}.containerPort");
            }
            else
            {
                CheckPort(number, $"{at}.containerPort", errors);
            }

            if (port.Number("hostPort") is { } hostPort and not 0)
            {
                CheckPort(hostPort, $"{at}.hostPort", errors);
                if (hostNetwork && hostPort != port.Number("containerPort"))
                {
                    errors.Invalid($"{at}.containerPort", port.Number("containerPort") ?? 0, "must match `hostPort` when `hostNetwork` is true");
                }
            }

            PodSpecRules.CheckOneOf(port, "protocol", s_protocols, at, errors);
        }
    }

    private static void CheckPort(long number, string field, FieldErrors errors)
    {
        if (number is < 1 or > HighestPort)
        {
            errors.Invalid(field, number, "must be between 1 and 65535, inclusive");
        }
    }

    /// <summary>A port by its number, or by the name that the container gives it.</summary>
    private static void CheckTargetPort(JsonNode? port, string field, FieldErrors errors)
    {
        if (port.AsText() is { } name)
        {
            NameRules.PortName(name).ToList().ForEach(why => errors.Invalid(field, name, why));
        }
        else
        {
            CheckPort((port as JsonValue)?.TryGetValue<long>(out var number) == true ? number : (port as JsonValue)?.TryGetValue<int>(out var small) == true ? small : 0, field, errors);
        }
    }

    private static void CheckEnvironment(JsonObject container, string field, FieldErrors errors)
    {
        var index = 0;
        foreach (var variable in container.Objects("env"))
        {
            var at = FormattableString.Invariant($"{field}.env[{index++}]");
            var name = variable.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (NameRules.EnvironmentName(name) is { } why)
            {
                errors.Invalid($"{at}.name", name, why);
            }

            if (variable.Object("valueFrom") is not { } source)
            {
                continue;
            }

            if (variable.Text("value") is { Length: > 0 })
            {
                errors.Invalid($"{at}.valueFrom", "", "may not be specified when `value` is not empty");
            }

            if (source.Count != 1)
            {
                errors.Invalid($"{at}.valueFrom", "", source.Count == 0
                    ? "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
                    : "may not have more than one field specified at a time");
            }
        }
    }

    private static void CheckMounts(JsonObject container, string field, HashSet<string> volumes, FieldErrors errors)
    {
        var paths = new HashSet<string>();
        var index = 0;
        foreach (var mount in container.Objects("volumeMounts"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            var name = mount.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (!volumes.Contains(name))
            {
                errors.NotFound($"{at}.name", name);
            }

            var path = mount.Text("mountPath") ?? "";
            if (path.Length == 0)
            {
                errors.Required($"{at}.mountPath");
            }
            else if (!paths.Add(path))
            {
                errors.Invalid($"{at}.mountPath", path, "must be unique");
            }

            if (mount.Text("subPath") is { Length: > 0 } sub && (sub[0] == '/' || sub.Split('/').Contains("..")))
            {
                errors.Invalid($"{at}.subPath", sub, sub[0] == '/' ? "must be a relative path" : "must not contain '..'");
            }
        }
    }

    private static void CheckProbes(JsonObject container, string field, FieldErrors errors)
    {
        foreach (var member in (string[])["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Object(member) is not { } probe)
            {
                continue;
            }

            var handlers = s_probeHandlers.Count(h => probe.Object(h) is not null);
            if (handlers == 0)
            {
                errors.Required($"{field}.{member}", "must specify a handler type");
            }
            else if (handlers > 1)
            {
                errors.Forbidden($"{field}.{member}", "may not specify more than 1 handler type");
            }

            foreach (var number in (string[])["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"])
            {
                if (probe.Number(number) is < 0 and var value)
                {
                    errors.Invalid($"{field}.{member}.{number}", value, "must be greater than or equal to 0");
                }
            }

            foreach (var handler in (string[])["httpGet", "tcpSocket", "grpc"])
            {
                if (probe.Object(handler) is { } action)
                {
                    CheckTargetPort(action["port"], $"{field}.{member}.{handler}.port", errors);
                }
            }

            if (probe.Object("httpGet") is { } http)
            {
                PodSpecRules.CheckOneOf(http, "scheme", s_schemes, $"{field}.{member}.httpGet", errors);
            }

            if (member != "readinessProbe" && probe.Number("successThreshold") is > 1 and var threshold)
            {
                errors.Invalid($"{field}.{member}.successThreshold", threshold, "must be 1");
            }
        }
    }
}
