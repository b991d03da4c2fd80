using System.Security.Cryptography;
using System.Text;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// What of a container's spec makes its container a new one when it changes: image, command, arguments, working folder
/// and literal environment. Written out field by field, never by serializing the view: a field that a later version of
/// the agent learns to read must not restart every container of the fleet. What cannot be recognized is left alone.
/// </summary>
internal static class ContainerHash
{
    private const string Version = "1-";

    public static string Compute(Container container)
    {
        var text = new StringBuilder();
        Append(text, [container.Name, container.Image, container.WorkingDir ?? ""]);
        Append(text, container.Command);
        Append(text, container.Args);
        Append(text, container.Env.Select(e => $"{e.Name}={e.Value}"));
        return Version + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 8));
    }

    /// <summary>Whether a running container was made from another spec than <paramref name="container"/>.</summary>
    public static bool Differs(string hash, Container container) =>
        hash.StartsWith(Version, StringComparison.Ordinal) && hash != Compute(container);

    private static void Append(StringBuilder text, IEnumerable<string> values)
    {
        // length first, so that no two lists look the same
        foreach (var value in values)
        {
            text.Append(value.Length).Append(':').Append(value);
        }

        text.Append(';');
    }
}
