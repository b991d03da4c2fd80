using System.Globalization;
using System.Text;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>The small files that the agent makes for a pod beside its volumes.</summary>
internal static class PodFiles
{
    /// <summary>The kubelet reads no more of a container's last words.</summary>
    private const int MaxMessageBytes = 4096;

    private const UnixFileMode WorldReadable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Writes the pod's hosts file: the host's own on its network, else the pod's name and address; then hostAliases.</summary>
    /// <returns>Its path.</returns>
    public static string WriteHosts(StartContext context, EdgedSettings settings)
    {
        var pod = context.Pod;
        var text = new StringBuilder("# made by edgecore for this pod\n");
        if (pod.Spec.HostNetwork)
        {
            text.Append(File.Exists("/etc/hosts") ? File.ReadAllText("/etc/hosts") : "127.0.0.1\tlocalhost\n");
        }
        else
        {
            text.Append("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
            foreach (var ip in context.Sandbox.IPs)
            {
                text.Append(CultureInfo.InvariantCulture, $"{ip}\t{SandboxOptions.Hostname(pod)}\n");
            }
        }

        foreach (var alias in pod.Spec.HostAliases)
        {
            text.Append(CultureInfo.InvariantCulture, $"{alias.Ip}\t{string.Join('\t', alias.Hostnames)}\n");
        }

        var path = Path.Combine(settings.PodFolder(pod.Uid), "etc-hosts");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // in place, not renamed: running containers have this very file mounted
        File.WriteAllText(path, text.ToString());
        File.SetUnixFileMode(path, WorldReadable);
        return path;
    }

    /// <summary>An empty file that the container, as whatever user, may write its last words to.</summary>
    public static string MakeTerminationLog(EdgedSettings settings, string uid, string container, int attempt)
    {
        var path = TerminationLog(settings, uid, container, attempt);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, []);
        File.SetUnixFileMode(path, WorldReadable | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        return path;
    }

    /// <summary>What a dead container left as its last words; null where it left none.</summary>
    public static string? ReadTerminationLog(EdgedSettings settings, string uid, string container, int attempt)
    {
        try
        {
            using var file = File.OpenRead(TerminationLog(settings, uid, container, attempt));
            var buffer = new byte[MaxMessageBytes];
            file.Seek(Math.Max(0, file.Length - MaxMessageBytes), SeekOrigin.Begin);
            var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return length == 0 ? null : Encoding.UTF8.GetString(buffer.AsSpan(0, length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it was mounted over, or the pod was made before a reset
        }
    }

    /// <summary>Removes what a container that is being forgotten has left.</summary>
    public static void Forget(EdgedSettings settings, string uid, RuntimeContainer container)
    {
        File.Delete(TerminationLog(settings, uid, container.Name, container.Attempt));
        if (container.Status.LogPath.Length > 0)
        {
            File.Delete(container.Status.LogPath);
            if (Path.GetDirectoryName(container.Status.LogPath) is { } folder && Directory.Exists(folder))
            {
                // and what was set aside of it
                foreach (var aside in Directory.GetFiles(folder, Path.GetFileName(container.Status.LogPath) + ".*"))
                {
                    File.Delete(aside);
                }
            }
        }
    }

    private static string TerminationLog(EdgedSettings settings, string uid, string container, int attempt) => Path.Combine(
        settings.PodFolder(uid), "containers", container, attempt.ToString(CultureInfo.InvariantCulture));
}
