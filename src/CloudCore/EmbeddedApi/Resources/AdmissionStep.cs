using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>One thing that admission does to an object that is created (old is null) or updated.</summary>
/// <exception cref="Serving.ApiException">The object is refused.</exception>
internal delegate void AdmissionStep(JsonObject current, JsonObject? old, AdmissionView request);

/// <summary>What an admission step sees beside the object.</summary>
/// <param name="Resource">What is written.</param>
/// <param name="Key">Where; the name is the generated one where it is generated.</param>
/// <param name="State">Everything else that is there, as it was when the write began.</param>
/// <param name="Settings">What this API was told at its start.</param>
internal sealed record AdmissionView(ResourceDescriptor Resource, NamespacedName Key, StoreState State, AdmissionSettings Settings);

/// <summary>What admission gives to objects that do not say it themselves.</summary>
internal sealed record AdmissionSettings
{
    /// <summary>The addresses and ports that services get.</summary>
    public ServiceNetwork Services { get; init; } = new();

    /// <summary>How long pods stay on a node that is not ready, seconds (kube-apiserver's default-not-ready-toleration-seconds).</summary>
    public long NotReadyTolerationSeconds { get; init; } = 300;

    /// <summary>How long pods stay on a node that is out of contact, seconds (kube-apiserver's default-unreachable-toleration-seconds).</summary>
    public long UnreachableTolerationSeconds { get; init; } = 300;
}

/// <summary>The addresses and ports that services are given.</summary>
internal sealed record ServiceNetwork
{
    /// <summary>The range of cluster IPs, in CIDR notation; IPv4 or IPv6.</summary>
    public IPNetwork ClusterIpRange { get; init; } = IPNetwork.Parse("10.96.0.0/12");

    /// <summary>The first node port, and the last.</summary>
    public (int First, int Last) NodePorts { get; init; } = (30000, 32767);

    /// <summary>A range with room for a service; null where the text is none.</summary>
    public static IPNetwork? ParseRange(string text) =>
        IPNetwork.TryParse(text, out var range) && range.PrefixLength <= (range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 30 : 126)
            ? range
            : null;

    /// <summary>The first port and the last; null where the text is no range of ports.</summary>
    public static (int First, int Last)? ParsePorts(string text) =>
        text.Split('-') is [var from, var to]
        && ushort.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var first)
        && ushort.TryParse(to, NumberStyles.None, CultureInfo.InvariantCulture, out var last) && first > 0 && first <= last
            ? (first, last)
            : null;
}

/// <summary>How something of a table's row has ended.</summary>
internal sealed record RowCompletion(string Reason, string Message);
