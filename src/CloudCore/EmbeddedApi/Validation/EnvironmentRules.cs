using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Where the environment of a container comes from.</summary>
internal static class EnvironmentRules
{
    private static readonly string[] s_sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"];
    private static readonly string[] s_wholeSources = ["configMapRef", "secretRef"];

    private static readonly string[] s_fields =
    [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ];

    /// <summary>Members <c>env</c> and <c>envFrom</c> of a container.</summary>
    public static void Check(JsonObject container, string field, FieldErrors errors)
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

            if (variable.Object("valueFrom") is { } source)
            {
                CheckSource(source, variable.Text("value") is { Length: > 0 }, $"{at}.valueFrom", errors);
            }
        }

        index = 0;
        foreach (var source in container.Objects("envFrom"))
        {
            CheckWholeSource(source, FormattableString.Invariant($"{field}.envFrom[{index++}]"), $"{field}.envFrom", errors);
        }
    }

    private static void CheckSource(JsonObject source, bool hasValue, string field, FieldErrors errors)
    {
        if (source.Object("fieldRef") is { } ofPod)
        {
            DownwardRules.CheckField(ofPod, s_fields, $"{field}.fieldRef", errors);
        }

        if (source.Object("resourceFieldRef") is { } ofContainer)
        {
            DownwardRules.CheckResource(ofContainer, isVolume: false, $"{field}.resourceFieldRef", errors);
        }

        CheckKey(source.Object("configMapKeyRef"), $"{field}.configMapKeyRef", errors);
        CheckKey(source.Object("secretKeyRef"), $"{field}.secretKeyRef", errors);
        switch (s_sources.Count(s => source.Object(s) is not null))
        {
            case 0:
                errors.Invalid(field, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
                break;
            case > 0 when hasValue:
                errors.Invalid(field, "", "may not be specified when `value` is not empty");
                break;
            case > 1:
                errors.Invalid(field, "", "may not have more than one field specified at a time");
                break;
        }
    }

    private static void CheckKey(JsonObject? source, string field, FieldErrors errors)
    {
        if (source is null)
        {
            return;
        }

        var name = source.Text("name") ?? "";
        if (NameRules.Subdomain(name) is { } wrongName)
        {
            errors.Invalid($"{field}.name", name, wrongName);
        }

        var key = source.Text("key") ?? "";
        if (key.Length == 0)
        {
            errors.Required($"{field}.key");
        }
        else if (NameRules.ConfigKey(key) is { } wrongKey)
        {
            errors.Invalid($"{field}.key", key, wrongKey);
        }
    }

    private static void CheckWholeSource(JsonObject source, string field, string list, FieldErrors errors)
    {
        if (source.Text("prefix") is { Length: > 0 } prefix && NameRules.EnvironmentName(prefix) is { } wrongPrefix)
        {
            errors.Invalid($"{field}.prefix", prefix, wrongPrefix);
        }

        var found = 0;
        foreach (var member in s_wholeSources)
        {
            if (source.Object(member) is not { } reference)
            {
                continue;
            }

            found++;
            var name = reference.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required($"{field}.{member}.name");
            }
            else if (NameRules.Subdomain(name) is { } why)
            {
                errors.Invalid($"{field}.{member}.name", name, why);
            }
        }

        // these two are told of the list, not of the member
        if (found == 0)
        {
            errors.Invalid(list, "", "must specify one of: `configMapRef` or `secretRef`");
        }
        else if (found > 1)
        {
            errors.Invalid(list, "", "may not have more than one field specified at a time");
        }
    }
}
