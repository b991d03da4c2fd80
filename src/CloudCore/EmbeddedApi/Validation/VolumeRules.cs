using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The volumes of a pod spec, by what they come from.</summary>
internal static class VolumeRules
{
    private const int HighestMode = 511; // 0777
    private const long ShortestToken = 600;
    private const string ModeRange = "must be a number between 0 and 0777 (octal), both inclusive";
    private static readonly string[] s_fields = ["metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"];

    private static readonly string[] s_hostPathTypes =
        ["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];

    /// <summary>Checks all of them, and returns their names.</summary>
    public static HashSet<string> Check(JsonObject spec, string field, FieldErrors errors)
    {
        var names = new HashSet<string>();
        var index = 0;
        foreach (var volume in spec.Objects("volumes"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            CheckSource(volume, at, errors);
            var name = volume.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (NameRules.Label(name) is { } why)
            {
                errors.Invalid($"{at}.name", name, why);
            }
            else if (!names.Add(name))
            {
                errors.Duplicate($"{at}.name", name);
            }
        }

        return names;
    }

    private static void CheckSource(JsonObject volume, string field, FieldErrors errors)
    {
        var sources = volume.Where(m => m.Key != "name" && m.Value is JsonObject).Select(m => m.Key).ToList();
        if (sources.Count == 0)
        {
            errors.Required(field, "must specify a volume type");
            return;
        }

        foreach (var extra in sources.Skip(1))
        {
            errors.Forbidden($"{field}.{extra}", "may not specify more than 1 volume type");
        }

        CheckSource(sources[0], volume.Object(sources[0])!, $"{field}.{sources[0]}", errors);
    }

    private static void CheckSource(string kind, JsonObject source, string field, FieldErrors errors)
    {
        switch (kind)
        {
            case "emptyDir":
                if (source["sizeLimit"].AsText() is { } size && QuantityRules.Parse(size) is < 0)
                {
                    errors.Forbidden($"{field}.sizeLimit", "SizeLimit field must be a valid resource quantity");
                }

                break;
            case "hostPath":
                CheckHostPath(source, field, errors);
                break;
            case "secret":
                Require(source, "secretName", field, errors);
                CheckFiles(source, field, errors);
                break;
            case "configMap":
                Require(source, "name", field, errors);
                CheckFiles(source, field, errors);
                break;
            case "downwardAPI":
                CheckMode(source, "defaultMode", field, errors);
                CheckDownward(source, field, errors);
                break;
            case "projected":
                CheckProjected(source, field, errors);
                break;
            case "persistentVolumeClaim":
                Require(source, "claimName", field, errors);
                break;
            case "nfs":
                Require(source, "server", field, errors);
                Require(source, "path", field, errors);
                if (source.Text("path") is not ['/', ..])
                {
                    errors.Invalid($"{field}.path", source.Text("path") ?? "", "must be an absolute path");
                }

                break;
            case "csi":
                CheckDriver(source, field, errors);
                break;
            case "ephemeral":
                CheckTemplate(source, field, errors);
                break;
        }
    }

    private static void CheckHostPath(JsonObject source, string field, FieldErrors errors)
    {
        var path = source.Text("path") ?? "";
        if (path.Length == 0)
        {
            errors.Required($"{field}.path");
            return;
        }

        PathRules.CheckNoBacksteps(path, $"{field}.path", errors);
        PodSpecRules.CheckOneOf(source, "type", s_hostPathTypes, field, errors);
    }

    private static void CheckFiles(JsonObject source, string field, FieldErrors errors)
    {
        CheckMode(source, "defaultMode", field, errors);
        CheckItems(source, field, null, errors);
    }

    /// <param name="source">What has the items.</param>
    /// <param name="field">Where it stands.</param>
    /// <param name="paths">The paths that the volume has from other sources; null where it has this one only.</param>
    /// <param name="errors">Where errors go.</param>
    private static void CheckItems(JsonObject source, string field, ProjectedPaths? paths, FieldErrors errors)
    {
        var index = 0;
        foreach (var item in source.Objects("items"))
        {
            var at = FormattableString.Invariant($"{field}.items[{index++}]");
            Require(item, "key", at, errors);
            Require(item, "path", at, errors);
            PathRules.CheckOwnName(item.Text("path") ?? "", $"{at}.path", errors);
            CheckMode(item, "mode", at, errors);
            paths?.Add(item, source.Text("name") ?? "", errors);
        }
    }

    /// <summary>Kubernetes names the source in what is wrong with a file, not the file.</summary>
    private static void CheckDownward(JsonObject source, string field, FieldErrors errors, ProjectedPaths? paths = null)
    {
        foreach (var file in source.Objects("items"))
        {
            Require(file, "path", field, errors);
            PathRules.CheckOwnName(file.Text("path") ?? "", $"{field}.path", errors);
            var resource = file.Object("resourceFieldRef");
            if (file.Object("fieldRef") is { } reference)
            {
                DownwardRules.CheckField(reference, s_fields, $"{field}.fieldRef", errors);
                if (resource is not null)
                {
                    errors.Invalid(field, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
                }
            }
            else if (resource is not null)
            {
                DownwardRules.CheckResource(resource, isVolume: true, $"{field}.resourceFieldRef", errors);
            }
            else
            {
                errors.Required(field, "one of fieldRef and resourceFieldRef is required");
            }

            CheckMode(file, "mode", field, errors);
            paths?.Add(file, file.Text("path") ?? "", errors);
        }
    }

    private static void CheckProjected(JsonObject volume, string field, FieldErrors errors)
    {
        CheckMode(volume, "defaultMode", field, errors);
        var paths = new ProjectedPaths(field);
        var index = 0;
        foreach (var source in volume.Objects("sources"))
        {
            var at = FormattableString.Invariant($"{field}.sources[{index++}]");
            foreach (var kind in (string[])["secret", "configMap"])
            {
                if (source.Object(kind) is { } data)
                {
                    Require(data, "name", $"{at}.{kind}", errors);
                    CheckItems(data, $"{at}.{kind}", paths, errors);
                }
            }

            if (source.Object("downwardAPI") is { } downward)
            {
                CheckDownward(downward, $"{at}.downwardAPI", errors, paths);
            }

            if (source.Object("serviceAccountToken") is { } token)
            {
                CheckToken(token, $"{at}.serviceAccountToken", field, errors);
            }

            if (source.Count(m => m.Value is JsonObject) > 1)
            {
                errors.Forbidden(at, "may not specify more than 1 volume type per source");
            }
        }
    }

    private static void CheckToken(JsonObject token, string field, string volume, FieldErrors errors)
    {
        switch (token.Number("expirationSeconds"))
        {
            case < ShortestToken and var seconds:
                errors.Invalid($"{field}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
                break;
            case > 1L << 32 and var seconds:
                errors.Invalid($"{field}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
                break;
        }

        Require(token, "path", volume, errors);
        PathRules.CheckOwnName(token.Text("path") ?? "", $"{volume}.path", errors);
    }

    private static void CheckDriver(JsonObject source, string field, FieldErrors errors)
    {
        var driver = source.Text("driver") ?? "";
        Require(source, "driver", field, errors);
        if (NameRules.Subdomain(driver.ToLowerInvariant()) is { } why)
        {
            errors.Invalid($"{field}.driver", driver, why);
        }
    }

    private static void CheckTemplate(JsonObject source, string field, FieldErrors errors)
    {
        if (source.Object("volumeClaimTemplate") is null)
        {
            errors.Required($"{field}.volumeClaimTemplate");
        }
    }

    private static void CheckMode(JsonObject node, string member, string field, FieldErrors errors)
    {
        if (node.Number(member) is < 0 or > HighestMode)
        {
            errors.Invalid($"{field}.{member}", node.Number(member)!.Value, ModeRange);
        }
    }

    private static void Require(JsonObject node, string member, string field, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(node.Text(member)))
        {
            errors.Required($"{field}.{member}");
        }
    }

    /// <summary>The files of one projected volume: no two sources may write the same.</summary>
    private sealed class ProjectedPaths(string field)
    {
        private readonly HashSet<string> _paths = [];

        public void Add(JsonObject item, string shown, FieldErrors errors)
        {
            if (item.Text("path") is { Length: > 0 } path && !_paths.Add(path))
            {
                errors.Invalid(field, shown, "conflicting duplicate paths");
            }
        }
    }
}
