using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>The names and addresses by which this machine may be reached.</summary>
internal static class HostNames
{
    /// <summary>Names of the API inside a cluster, as pods spell it.</summary>
    public static readonly IReadOnlyList<string> Kubernetes =
        ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

    /// <summary>localhost, both loopbacks, the host's name and its addresses.</summary>
    public static IReadOnlyList<string> Local() =>
    [
        "localhost", "127.0.0.1", "::1",
        .. Uri.CheckHostName(Environment.MachineName) == UriHostNameType.Dns ? [Environment.MachineName.ToLowerInvariant()] : Array.Empty<string>(),
        .. Addresses().Select(a => a.ToString()),
    ];

    /// <summary>The address to advertise when nobody names one: the first IPv4 address that is not loopback.</summary>
    public static string Advertised() =>
        (Addresses().FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork)
            ?? Addresses().FirstOrDefault()
            ?? IPAddress.Loopback).ToString();

    private static IEnumerable<IPAddress> Addresses() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(i => i.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
        .SelectMany(i => i.GetIPProperties().UnicastAddresses)
        .Select(a => a.Address)
        .Where(a => !IPAddress.IsLoopback(a) && !a.IsIPv6LinkLocal)
        .Distinct();
}
