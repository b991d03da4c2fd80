using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Security contexts of pods and containers.</summary>
internal static partial class SecurityRules
{
    private const int LongestSysctl = 253;
    private const string IdRange = "must be between 0 and 2147483647, inclusive";
    private static readonly string[] s_groupChangePolicies = ["Always", "OnRootMismatch"];
    private static readonly string[] s_procMounts = ["Default", "Unmasked"];
    private static readonly string[] s_profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

    /// <summary>The security context of a pod spec.</summary>
    public static void CheckPod(JsonObject spec, string field, FieldErrors errors)
    {
        var context = spec.Object("securityContext") ?? [];
        if (context.Count == 0 && !spec.IsTrue("shareProcessNamespace"))
        {
            return;
        }

        var at = $"{field}.securityContext";
        CheckIds(context, at, errors, "fsGroup", "runAsUser", "runAsGroup");
        var index = 0;
        foreach (var group in context.List("supplementalGroups") ?? [])
        {
            CheckId(group, FormattableString.Invariant($"{at}.supplementalGroups[{index++}]"), errors);
        }

        if (spec.IsTrue("shareProcessNamespace") && spec.IsTrue("hostPID"))
        {
            errors.Invalid($"{at}.shareProcessNamespace", JsonValue.Create(true), "ShareProcessNamespace and HostPID cannot both be enabled");
        }

        CheckSysctls(spec, context, $"{at}.sysctls", errors);
        PodSpecRules.CheckOneOf(context, "fsGroupChangePolicy", s_groupChangePolicies, at, errors);
        CheckProfiles(context, at, errors);
    }

    /// <summary>The security context of a container.</summary>
    public static void CheckContainer(JsonObject? context, string field, FieldErrors errors)
    {
        if (context is null)
        {
            return;
        }

        CheckIds(context, field, errors, "runAsUser", "runAsGroup");
        PodSpecRules.CheckOneOf(context, "procMount", s_procMounts, field, errors);
        if (context["allowPrivilegeEscalation"] is JsonValue value && value.TryGetValue(out bool escalates) && !escalates)
        {
            if (context.IsTrue("privileged"))
            {
                errors.Invalid(field, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
            }

            if (context.Object("capabilities")?.List("add")?.Any(c => c.AsText() == "CAP_SYS_ADMIN") == true)
            {
                errors.Invalid(field, context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
            }
        }

        CheckProfiles(context, field, errors);
    }

    private static void CheckIds(JsonObject context, string field, FieldErrors errors, params ReadOnlySpan<string> members)
    {
        foreach (var member in members)
        {
            CheckId(context[member], $"{field}.{member}", errors);
        }
    }

    private static void CheckId(JsonNode? id, string field, FieldErrors errors)
    {
        if (id is JsonValue value && value.TryGetValue(out long number) && number is < 0 or > int.MaxValue)
        {
            errors.Invalid(field, number, IdRange);
        }
    }

    private static void CheckSysctls(JsonObject spec, JsonObject context, string field, FieldErrors errors)
    {
        var names = new HashSet<string>();
        var index = 0;
        foreach (var sysctl in context.Objects("sysctls"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}].name");
            var name = sysctl.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required(at);
            }
            else if (name.Length > LongestSysctl || !Sysctl().IsMatch(name))
            {
                errors.Invalid(at, name, $"must have at most {LongestSysctl} characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
            }
            else if (names.Contains(name))
            {
                errors.Duplicate(at, name);
            }

            var dotted = name.Replace('/', '.');
            if (spec.IsTrue("hostNetwork") && dotted.StartsWith("net.", StringComparison.Ordinal))
            {
                errors.Invalid(at, name, "may not be specified when 'hostNetwork' is true");
            }
            else if (spec.IsTrue("hostIPC") && IsOfIpc(dotted))
            {
                errors.Invalid(at, name, "may not be specified when 'hostIPC' is true");
            }

            names.Add(name);
        }
    }

    private static bool IsOfIpc(string name) => name is "kernel.sem"
        || name.StartsWith("kernel.shm", StringComparison.Ordinal)
        || name.StartsWith("kernel.msg", StringComparison.Ordinal)
        || name.StartsWith("fs.mqueue.", StringComparison.Ordinal);

    private static void CheckProfiles(JsonObject context, string field, FieldErrors errors)
    {
        CheckProfile(context.Object("seccompProfile"), "seccomp", "seccompProfile", field, errors);
        CheckProfile(context.Object("appArmorProfile"), "AppArmor", "appArmorProfile", field, errors);
    }

    private static void CheckProfile(JsonObject? profile, string what, string member, string field, FieldErrors errors)
    {
        if (profile is null)
        {
            return;
        }

        string at = $"{field}.{member}", localAt = $"{at}.localhostProfile";
        var type = profile.Text("type") ?? "";
        if (type.Length == 0)
        {
            errors.Required($"{at}.type", $"type is required when {member} is set");
        }
        else
        {
            PodSpecRules.CheckOneOf(profile, "type", s_profileTypes, at, errors);
        }

        var local = profile.Text("localhostProfile");
        if (type != "Localhost")
        {
            if (local is not null)
            {
                errors.Invalid(localAt, what == "seccomp" ? profile : local, $"can only be set when {what} type is Localhost");
            }
        }
        else if (string.IsNullOrEmpty(local))
        {
            errors.Required(localAt, $"must be set when {what} type is Localhost");
        }
        else if (what == "seccomp")
        {
            PathRules.CheckDescending(local, localAt, errors);
        }
    }

    [GeneratedRegex(@"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Sysctl();
}
