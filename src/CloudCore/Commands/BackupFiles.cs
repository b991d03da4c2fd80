using EdgeSync.CloudCore.Configuration;

namespace EdgeSync.CloudCore.Commands;

/// <summary>The files of a data folder that <c>--with-keys</c> is about: what makes a hub the one that its boxes trust.</summary>
internal static class BackupFiles
{
    /// <summary>Every key and certificate, the configuration and the administrator's kubeconfig, by their name in the folder.</summary>
    public static Dictionary<string, byte[]> Read(CloudFiles files)
    {
        var found = Directory.Exists(files.Pki) ? Directory.EnumerateFiles(files.Pki) : [];
        return found.Append(files.Config).Append(files.AdminKubeconfig).Where(File.Exists)
            .ToDictionary(path => Path.GetRelativePath(files.DataDir, path), File.ReadAllBytes);
    }

    /// <summary>Whether a name from a backup is one that <see cref="Read"/> gives: nothing else is ever written.</summary>
    public static bool IsOurs(string name) =>
        name is "cloudcore.yaml" or "admin.kubeconfig"
        || (name.StartsWith("pki/", StringComparison.Ordinal) && name.IndexOf('/', 4) < 0 && name.Length > 4 && name[4] != '.');
}
