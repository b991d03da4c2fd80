using EdgeSync.CloudCore.CloudStream.RemoteCommand;
using Microsoft.Extensions.Primitives;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>A request for something of one pod, checked as far as the cloud can.</summary>
/// <param name="Node">Where the pod runs.</param>
/// <param name="Namespace">The pod's.</param>
/// <param name="Pod">The pod's name.</param>
/// <param name="Container">The container's name; empty for the pod as a whole.</param>
internal sealed record PodTarget(string Node, string Namespace, string Pod, string Container);

/// <summary>The queries that kubelets are asked with, ours and KubeEdge's.</summary>
internal static class RemoteQuery
{
    /// <summary>Which channels are asked for, by an API server's names or a kubelet's.</summary>
    public static RemoteChannels Channels(Dictionary<string, StringValues> query) =>
        new(Is(query, "stdin", "input"), Is(query, "stdout", "output"), Is(query, "stderr", "error"), Is(query, "tty", "tty"));

    /// <summary>The query that a kubelet understands: its own names, and 1 for true.</summary>
    public static string ForKubelet(RemoteChannels channels, IEnumerable<string?> command)
    {
        var query = new List<KeyValuePair<string, string?>>();
        Add("input", channels.Stdin);
        Add("output", channels.Stdout);
        Add("error", channels.Stderr);
        Add("tty", channels.Tty);
        query.AddRange(command.Select(word => new KeyValuePair<string, string?>("command", word)));
        return Write(query);

        void Add(string name, bool value)
        {
            if (value)
            {
                query.Add(new(name, "1"));
            }
        }
    }

    /// <summary>
    /// A query as it stands in a URL. Of what has a meaning anywhere nothing stays as it is: Go leaves out every parameter
    /// with a plain semicolon in it, without a word.
    /// </summary>
    public static string Write(IEnumerable<KeyValuePair<string, string?>> parameters) =>
        string.Join('&', parameters.Select(p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value ?? "")}"));

    private static bool Is(Dictionary<string, StringValues> query, string name, string kubelet) =>
        new[] { name, kubelet }.Any(n => query.GetValueOrDefault(n, StringValues.Empty).ToString() is "true" or "1");
}
