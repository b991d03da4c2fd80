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
    private static readonly string[] s_propagations = ["Bidirectional", "HostToContainer", "None"];

    // all that a container for looking into a pod may not have
    private static readonly string[] s_notOfEphemeral =
        ["ports", "resources", "resizePolicy", "restartPolicy", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

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
            EnvironmentRules.Check(container, at, errors);
            CheckMounts(container, $"{at}.volumeMounts", volumes, errors);
            CheckDevices(container, $"{at}.volumeDevices", volumes, errors);
            QuantityRules.Check(container.Object("resources"), $"{at}.resources", errors);
            ResourceNameRules.CheckContainer(container.Object("resources"), $"{at}.resources", errors);
            SecurityRules.CheckContainer(container.Object("securityContext"), $"{at}.securityContext", errors);
            CheckLife(spec, container, list, at, errors);
        }
    }

    private static void CheckLife(JsonObject spec, JsonObject container, string list, string field, FieldErrors errors)
    {
        switch (list)
        {
            case "ephemeralContainers":
                CheckEphemeral(spec, container, field, errors);
                break;
            case "initContainers" when container.Text("restartPolicy") != "Always":
                HandlerRules.CheckNone(container, field, "may not be set for init containers without restartPolicy=Always", errors);
                break;
            default:
                HandlerRules.Check(container, field, spec.Number("terminationGracePeriodSeconds"), errors);
                break;
        }
    }

    private static void CheckEphemeral(JsonObject spec, JsonObject container, string field, FieldErrors errors)
    {
        if (container.Text("targetContainerName") is { Length: > 0 } target
            && !spec.Objects("containers").Concat(spec.Objects("initContainers")).Any(c => c.Text("name") == target))
        {
            errors.NotFound($"{field}.targetContainerName", target);
        }

        foreach (var member in s_notOfEphemeral.Where(m => container[m] is { } value and not (JsonObject { Count: 0 } or JsonArray { Count: 0 })))
        {
            errors.Forbidden($"{field}.{member}", "cannot be set for an Ephemeral Container");
        }

        var index = 0;
        foreach (var mount in container.Objects("volumeMounts"))
        {
            foreach (var member in (string[])["subPath", "subPathExpr"])
            {
                if (mount.Text(member) is { Length: > 0 })
                {
                    errors.Forbidden(FormattableString.Invariant($"{field}.volumeMounts[{index}].{member}"), "cannot be set for an Ephemeral Container");
                }
            }

            index++;
        }
    }

    /// <summary>Containers that run side by side share the ports of their node.</summary>
    public static void CheckHostPorts(JsonObject spec, string field, FieldErrors errors)
    {
        var taken = new HashSet<string>();
        var container = 0;
        foreach (var ports in spec.Objects("containers").Select(c => c.Objects("ports")))
        {
            var index = 0;
            foreach (var port in ports)
            {
                if (port.Number("hostPort") is { } number and not 0
                    && FormattableString.Invariant($"{port.Text("protocol")}/{port.Text("hostIP")}/{number}") is var key
                    && !taken.Add(key))
                {
                    errors.Duplicate(FormattableString.Invariant($"{field}.containers[{container}].ports[{index}].hostPort"), key);
                }

                index++;
            }

            container++;
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
                errors.Invalid($"{at}.name", name, wrong);
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

    public static void CheckPort(long number, string field, FieldErrors errors)
    {
        if (number is < 1 or > HighestPort)
        {
            errors.Invalid(field, number, "must be between 1 and 65535, inclusive");
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

            CheckSubPaths(mount, at, field, errors);
            PodSpecRules.CheckOneOf(mount, "mountPropagation", s_propagations, field, errors);
            if (mount.Text("mountPropagation") == "Bidirectional" && container.Object("securityContext")?.IsTrue("privileged") != true)
            {
                errors.Forbidden($"{field}.mountPropagation", "Bidirectional mount propagation is available only to privileged containers");
            }
        }
    }

    /// <summary>Kubernetes names the list, not the mount, in what is wrong with a path.</summary>
    private static void CheckSubPaths(JsonObject mount, string field, string list, FieldErrors errors)
    {
        var sub = mount.Text("subPath") ?? "";
        PathRules.CheckDescending(sub, $"{list}.subPath", errors);
        if (mount.Text("subPathExpr") is not { Length: > 0 } expression)
        {
            return;
        }

        if (sub.Length > 0)
        {
            errors.Invalid($"{field}.subPathExpr", expression, "subPathExpr and subPath are mutually exclusive");
        }

        PathRules.CheckDescending(expression, $"{list}.subPathExpr", errors);
    }

    private static void CheckDevices(JsonObject container, string field, HashSet<string> volumes, FieldErrors errors)
    {
        var index = 0;
        foreach (var device in container.Objects("volumeDevices"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            var name = device.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required($"{at}.name");
            }

            if (!volumes.Contains(name))
            {
                errors.NotFound($"{at}.name", name);
            }

            var path = device.Text("devicePath") ?? "";
            if (path.Length == 0)
            {
                errors.Required($"{at}.devicePath");
            }
            else if (PathRules.HasBacksteps(path))
            {
                errors.Invalid($"{at}.devicePath", path, "can not contain backsteps ('..')");
            }
        }
    }
}
