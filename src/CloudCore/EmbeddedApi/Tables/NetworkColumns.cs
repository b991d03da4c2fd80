using System.Globalization;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of services, endpoints, ingresses and network policies.</summary>
internal static class NetworkColumns
{
    private const int MostShown = 3;
    private const string Unset = "<unset>";

    public static readonly IReadOnlyList<TableColumn> Services =
    [
        CommonColumns.Name,
        new("Type", "string", row => row.Root.At("spec", "type").Text()),
        new("Cluster-IP", "string", row => CommonColumns.OrNone(ClusterIp(row.Root))),
        new("External-IP", "string", row => ExternalIp(row.Root)),
        new("Port(s)", "string", row => CommonColumns.OrNone(ServicePorts(row.Root))),
        CommonColumns.Age,
        new("Selector", "string", row => CommonColumns.Labels(row.Root.At("spec", "selector")), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> Endpoints =
        [CommonColumns.Name, new("Endpoints", "string", row => EndpointList(row.Root)), CommonColumns.Age];

    public static readonly IReadOnlyList<TableColumn> EndpointSlices =
    [
        CommonColumns.Name,
        new("AddressType", "string", row => row.Root.At("addressType").Text()),
        new("Ports", "string", row => SlicePorts(row.Root)),
        new("Endpoints", "string", row => SliceEndpoints(row.Root)),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> Ingresses =
    [
        CommonColumns.Name,
        new("Class", "string", row => CommonColumns.OrNone(row.Root.At("spec", "ingressClassName").Text())),
        new("Hosts", "string", row => Hosts(row.Root)),
        new("Address", "string", row => LoadBalancer(row.Root)),
        new("Ports", "string", row => row.Root.At("spec", "tls").Items().Any() ? "80, 443" : "80"),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> IngressClasses =
    [
        CommonColumns.Name,
        new("Controller", "string", row => row.Root.At("spec", "controller").Text()),
        new("Parameters", "string", row => Parameters(row.Root.At("spec", "parameters"))),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> NetworkPolicies =
    [
        CommonColumns.Name,
        new("Pod-Selector", "string", row => CommonColumns.Selector(row.Root.At("spec", "podSelector"))),
        CommonColumns.Age,
    ];

    private static string ClusterIp(JsonElement service) =>
        service.At("spec", "clusterIPs").Items().Select(a => a.Text()).FirstOrDefault() ?? service.At("spec", "clusterIP").Text();

    private static string ExternalIp(JsonElement service)
    {
        var spec = service.At("spec");
        var external = spec.At("externalIPs").Items().Select(a => a.Text()).ToList();
        switch (spec.At("type").Text())
        {
            case "ExternalName":
                return spec.At("externalName").Text();
            case "LoadBalancer":
                var balancer = LoadBalancer(service);
                var all = external.Prepend(balancer).Where(a => a.Length > 0).ToList();
                return all.Count > 0 ? string.Join(',', all) : "<pending>";
            default:
                return external.Count > 0 ? string.Join(',', external) : "<none>";
        }
    }

    private static string LoadBalancer(JsonElement item) => string.Join(',', item.At("status", "loadBalancer", "ingress").Items()
        .Select(i => i.At("ip").Text() is { Length: > 0 } ip ? ip : i.At("hostname").Text()).Where(a => a.Length > 0).Distinct().Order(StringComparer.Ordinal));

    private static string ServicePorts(JsonElement service) => string.Join(',', service.At("spec", "ports").Items().Select(port =>
        port.At("nodePort").Number() is > 0 and var node
            ? string.Create(CultureInfo.InvariantCulture, $"{port.At("port").Number()}:{node}/{port.At("protocol").Text()}")
            : string.Create(CultureInfo.InvariantCulture, $"{port.At("port").Number()}/{port.At("protocol").Text()}")));

    private static string EndpointList(JsonElement endpoints)
    {
        var all = new List<string>();
        foreach (var subset in endpoints.At("subsets").Items())
        {
            var addresses = subset.At("addresses").Items().Select(a => a.At("ip").Text()).ToList();
            var ports = subset.At("ports").Items().ToList();
            if (ports.Count == 0)
            {
                all.AddRange(addresses);
            }

            foreach (var port in ports)
            {
                all.AddRange(addresses.Select(a => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(a.Contains(':', StringComparison.Ordinal) ? $"[{a}]" : a)}:{port.At("port").Number()}")));
            }
        }

        return Some(all, "<none>");
    }

    private static string SlicePorts(JsonElement slice)
    {
        var ports = slice.At("ports").Items().Select(port => port.At("port") is { ValueKind: JsonValueKind.Number } number
            ? number.Number().ToString(CultureInfo.InvariantCulture)
            : port.At("name").Text() is { Length: > 0 } name ? name : "*");
        return Some([.. ports], Unset);
    }

    private static string SliceEndpoints(JsonElement slice) =>
        Some([.. slice.At("endpoints").Items().SelectMany(e => e.At("addresses").Items()).Select(a => a.Text())], Unset);

    private static string Hosts(JsonElement ingress)
    {
        var hosts = ingress.At("spec", "rules").Items().Select(r => r.At("host").Text()).Where(h => h.Length > 0).ToList();
        return Some(hosts, "*");
    }

    private static string Parameters(JsonElement parameters)
    {
        if (parameters.ValueKind != JsonValueKind.Object)
        {
            return "<none>";
        }

        var group = parameters.At("apiGroup").Text() is { Length: > 0 } given ? "." + given : "";
        return $"{parameters.At("kind").Text()}{group}/{parameters.At("name").Text()}";
    }

    /// <summary>The first few, and how many more there are.</summary>
    private static string Some(List<string> all, string none) => all.Count == 0 ? none
        : all.Count <= MostShown ? string.Join(',', all)
        : string.Create(CultureInfo.InvariantCulture, $"{string.Join(',', all.Take(MostShown))} + {all.Count - MostShown} more...");
}
