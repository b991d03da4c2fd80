namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Paths of files: what is mounted below a folder must not lead out of it.</summary>
internal static class PathRules
{
    public static void CheckNoBacksteps(string path, string field, FieldErrors errors)
    {
        if (HasBacksteps(path))
        {
            errors.Invalid(field, path, "must not contain '..'");
        }
    }

    public static bool HasBacksteps(string path) => path.Split('/').Contains("..");

    /// <summary>A path that goes down from where it begins.</summary>
    public static void CheckDescending(string path, string field, FieldErrors errors)
    {
        if (path.StartsWith('/'))
        {
            errors.Invalid(field, path, "must be a relative path");
        }

        CheckNoBacksteps(path, field, errors);
    }

    /// <summary>The name of a file in a volume: those that begin with two dots are the kubelet's own.</summary>
    public static void CheckOwnName(string path, string field, FieldErrors errors)
    {
        CheckDescending(path, field, errors);
        if (path.StartsWith("..", StringComparison.Ordinal) && !path.StartsWith("../", StringComparison.Ordinal) && !HasBacksteps(path))
        {
            errors.Invalid(field, path, "must not start with '..'");
        }
    }
}
