using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>A part of a volume, mounted in its place.</summary>
internal static class SubPath
{
    private const int MaxLinks = 40; // the kernel's limit

    /// <summary>
    /// The host path of <paramref name="subPath"/> in a volume, made as a folder where it is missing. Links are followed
    /// first, and what they lead to must still lie in the volume.
    /// </summary>
    /// <exception cref="MissingReferenceException">It leads out of the volume.</exception>
    public static string Resolve(string volume, string subPath)
    {
        if (Path.IsPathRooted(subPath) || subPath.Split('/').Contains(".."))
        {
            throw new MissingReferenceException($"subPath \"{subPath}\" must be relative and without \"..\"");
        }

        var root = RealPath(volume);
        var real = RealPath(Path.Combine(root, subPath));
        if (real != root && !real.StartsWith(root + "/", StringComparison.Ordinal))
        {
            throw new MissingReferenceException($"subPath \"{subPath}\" leads out of the volume");
        }

        if (!Path.Exists(real))
        {
            Directory.CreateDirectory(real);
        }

        return real;
    }

    /// <summary>The path with all links followed; parts that do not exist stay as they are.</summary>
    private static string RealPath(string path, int links = 0)
    {
        if (links > MaxLinks)
        {
            throw new MissingReferenceException($"{path}: too many levels of symbolic links");
        }

        var real = "/";
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(real, part);
            FileSystemInfo info = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            // the target may itself go over links, of which each has to be followed
            real = info.LinkTarget is { } target ? RealPath(Path.GetFullPath(target, real), links + 1) : next;
        }

        return real;
    }
}
