using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>What is run in, or asked of, a container while it lives: probes and lifecycle hooks.</summary>
internal static partial class HandlerRules
{
    private static readonly string[] s_probes = ["livenessProbe", "readinessProbe", "startupProbe"];
    private static readonly string[] s_ofProbes = ["exec", "httpGet", "tcpSocket", "grpc"];
    private static readonly string[] s_ofHooks = ["exec", "httpGet", "tcpSocket", "sleep"];
    private static readonly string[] s_schemes = ["HTTP", "HTTPS"];

    /// <summary>Probes and hooks of a container that runs as long as its pod.</summary>
    public static void Check(JsonObject container, string field, long? gracePeriod, FieldErrors errors)
    {
        foreach (var hook in (string[])["postStart", "preStop"])
        {
            if (container.Object("lifecycle")?.Object(hook) is { } handler)
            {
                CheckHandler(handler, s_ofHooks, $"{field}.lifecycle.{hook}", gracePeriod, errors);
            }
        }

        foreach (var member in s_probes)
        {
            if (container.Object(member) is { } probe)
            {
                CheckProbe(probe, member, $"{field}.{member}", errors);
            }
        }
    }

    /// <summary>A container that ends before the others begin has none of them.</summary>
    public static void CheckNone(JsonObject container, string field, string why, FieldErrors errors)
    {
        foreach (var member in s_probes.Prepend("lifecycle"))
        {
            if (container.Object(member) is not null)
            {
                errors.Forbidden($"{field}.{member}", why);
            }
        }
    }

    private static void CheckProbe(JsonObject probe, string member, string field, FieldErrors errors)
    {
        CheckHandler(probe, s_ofProbes, field, null, errors);
        NumberRules.CheckNotNegative(
            probe, field, errors, "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold");
        var grace = probe.Number("terminationGracePeriodSeconds");
        if (grace is <= 0)
        {
            errors.Invalid($"{field}.terminationGracePeriodSeconds", grace.Value, "must be greater than 0");
        }

        if (member == "readinessProbe")
        {
            if (grace is not null)
            {
                errors.Invalid($"{field}.terminationGracePeriodSeconds", grace.Value, "must not be set for readinessProbes");
            }
        }
        else if (probe.Number("successThreshold") is > 1 and var threshold)
        {
            errors.Invalid($"{field}.successThreshold", threshold, "must be 1");
        }
    }

    private static void CheckHandler(JsonObject node, string[] kinds, string field, long? gracePeriod, FieldErrors errors)
    {
        var found = false;
        foreach (var kind in kinds)
        {
            if (node.Object(kind) is not { } action)
            {
                continue;
            }

            if (found)
            {
                errors.Forbidden($"{field}.{kind}", "may not specify more than 1 handler type");
                continue;
            }

            found = true;
            CheckAction(kind, action, $"{field}.{kind}", gracePeriod, errors);
        }

        if (!found)
        {
            errors.Required(field, "must specify a handler type");
        }
    }

    private static void CheckAction(string kind, JsonObject action, string field, long? gracePeriod, FieldErrors errors)
    {
        switch (kind)
        {
            case "exec" when action.List("command") is null or { Count: 0 }:
                errors.Required($"{field}.command");
                break;
            case "sleep":
                CheckSleep(action.Number("seconds") ?? 0, gracePeriod, field, errors);
                break;
            case "httpGet" or "tcpSocket" or "grpc":
                CheckPort(action, $"{field}.port", errors);
                break;
        }

        if (kind == "httpGet")
        {
            PodSpecRules.CheckOneOf(action, "scheme", s_schemes, field, errors);
            foreach (var header in action.Objects("httpHeaders").Select(h => h.Text("name") ?? "").Where(n => !Header().IsMatch(n)))
            {
                errors.Invalid(
                    $"{field}.httpHeaders", header, "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')");
            }
        }
    }

    private static void CheckSleep(long seconds, long? gracePeriod, string field, FieldErrors errors)
    {
        if (gracePeriod is { } most && (seconds < 0 || seconds > most))
        {
            errors.Invalid(field, seconds, FormattableString.Invariant($"must be non-negative and less than terminationGracePeriodSeconds ({most})"));
        }
    }

    /// <summary>A port by its number, or by the name that the container gives it.</summary>
    private static void CheckPort(JsonObject action, string field, FieldErrors errors)
    {
        if (action.Text("port") is { } name)
        {
            errors.Invalid(field, name, NameRules.PortName(name));
            return;
        }

        ContainerRules.CheckPort(action.Number("port") ?? 0, field, errors);
    }

    [GeneratedRegex("^[-A-Za-z0-9]+\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Header();
}
