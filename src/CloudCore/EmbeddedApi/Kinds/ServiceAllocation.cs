using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>
/// Gives services their cluster IP and node ports. What is taken stands in the services themselves; writers of services come
/// one at a time, so nothing is given twice and nothing has to be given back.
/// </summary>
internal static class ServiceAllocation
{
    private const string Resource = "services";
    private const string None = "None";
    private const int MostTries = 64;

    public static void Step(JsonObject service, JsonObject? old, AdmissionView request)
    {
        var spec = service.ObjectOrNew("spec");
        if (old?.Object("spec") is { } before)
        {
            DropWhatTheTypeHasNot(spec, before);
            KeepWhatWasGiven(spec, before);
        }

        SyncClusterIps(spec, old?.Object("spec"));
        if (NeedsClusterIp(spec))
        {
            SetFamilies(spec, request);
            GiveClusterIp(service, spec, request);
        }

        if (NeedsNodePorts(spec))
        {
            GiveNodePorts(service, spec, request);
        }
    }

    /// <summary>A new type that has no use for a value that nobody touched clears it.</summary>
    private static void DropWhatTheTypeHasNot(JsonObject spec, JsonObject before)
    {
        if (NeedsClusterIp(before) && !NeedsClusterIp(spec) && JsonNode.DeepEquals(before["clusterIP"], spec["clusterIP"]))
        {
            foreach (var member in (string[])["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"])
            {
                spec.Remove(member);
            }
        }

        if (HasNodePorts(before) && !HasNodePorts(spec) && SameNodePorts(before, spec))
        {
            foreach (var port in spec.Objects("ports"))
            {
                port.Remove("nodePort");
            }
        }

        if (HasNodePorts(before) && !HasNodePorts(spec))
        {
            DropIfSame(spec, before, "externalTrafficPolicy");
        }

        if (NeedsClusterIp(before) && !NeedsClusterIp(spec))
        {
            DropIfSame(spec, before, "internalTrafficPolicy");
        }

        if (before.Text("type") == "LoadBalancer" && spec.Text("type") != "LoadBalancer")
        {
            DropIfSame(spec, before, "allocateLoadBalancerNodePorts");
            DropIfSame(spec, before, "loadBalancerClass");
            DropIfSame(spec, before, "healthCheckNodePort");
        }
    }

    /// <summary>A replacement that leaves out what the server gave keeps it.</summary>
    private static void KeepWhatWasGiven(JsonObject spec, JsonObject before)
    {
        if (NeedsClusterIp(before) && NeedsClusterIp(spec))
        {
            if (string.IsNullOrEmpty(spec.Text("clusterIP")))
            {
                spec.SetOrRemove("clusterIP", before["clusterIP"]?.DeepClone());
            }

            if (spec.List("clusterIPs") is null or { Count: 0 } && spec.Text("clusterIP") == before.Text("clusterIP"))
            {
                spec.SetOrRemove("clusterIPs", before["clusterIPs"]?.DeepClone());
            }
        }

        if (!HasNodePorts(before) || !HasNodePorts(spec))
        {
            return;
        }

        foreach (var port in spec.Objects("ports").Where(p => (p.Number("nodePort") ?? 0) == 0))
        {
            var same = before.Objects("ports").FirstOrDefault(
                p => p.Number("port") == port.Number("port") && p.Text("protocol") == port.Text("protocol"));
            if (same?["nodePort"] is { } given)
            {
                port["nodePort"] = given.DeepClone();
            }
        }

        if ((spec.Number("healthCheckNodePort") ?? 0) == 0 && NeedsHealthPort(spec) && before["healthCheckNodePort"] is { } health)
        {
            spec["healthCheckNodePort"] = health.DeepClone();
        }
    }

    /// <summary>The older member and the first of the list are the same; who sets one of them has set both.</summary>
    private static void SyncClusterIps(JsonObject spec, JsonObject? before)
    {
        var single = spec.Text("clusterIP") ?? "";
        if (before is null)
        {
            if (single.Length > 0 && spec["clusterIPs"] is null)
            {
                spec["clusterIPs"] = new JsonArray(single);
            }

            return;
        }

        var singleChanged = single != (before.Text("clusterIP") ?? "");
        var listChanged = !JsonNode.DeepEquals(spec["clusterIPs"], before["clusterIPs"]);
        if (singleChanged && !listChanged)
        {
            spec.SetOrRemove("clusterIPs", single.Length == 0 ? null : new JsonArray(single));
        }
        else if (listChanged && !singleChanged && spec.List("clusterIPs") is { Count: > 0 } list && single.Length == 0)
        {
            spec["clusterIP"] = list[0]!.DeepClone();
        }
    }

    private static void SetFamilies(JsonObject spec, AdmissionView request)
    {
        var own = request.Settings.Services.ClusterIpRange.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
        var anywhere = spec.Text("clusterIP") == None && spec.Object("selector") is null or { Count: 0 };
        spec.SetDefault("ipFamilyPolicy", anywhere ? "RequireDualStack" : "SingleStack");
        if (spec.List("ipFamilies") is { Count: > 0 })
        {
            return;
        }

        var other = own == "IPv4" ? "IPv6" : "IPv4";
        spec["ipFamilies"] = anywhere && spec.Text("ipFamilyPolicy") != "SingleStack" ? new JsonArray(own, other) : new JsonArray(own);
    }

    private static void GiveClusterIp(JsonObject service, JsonObject spec, AdmissionView request)
    {
        var wanted = spec.Text("clusterIP") ?? "";
        if (wanted == None || (wanted.Length > 0 && !IPAddress.TryParse(wanted, out _)))
        {
            return;
        }

        var taken = Others(request).Select(s => s.Object("spec")?.Text("clusterIP")).ToHashSet();
        var range = request.Settings.Services.ClusterIpRange;
        if (wanted.Length == 0)
        {
            var given = Free(range, taken) ?? throw Refuse(service, request, errors => errors.Invalid(
                "spec.clusterIPs", new JsonArray(), $"failed to allocate a serviceIP: range is full: {range}"));
            spec["clusterIP"] = given;
            spec["clusterIPs"] = new JsonArray(given);
            return;
        }

        var why = !range.Contains(IPAddress.Parse(wanted))
            ? $"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {range}"
            : taken.Contains(wanted) || IsFirst(range, wanted) ? "provided IP is already allocated" : null;
        if (why is not null)
        {
            throw Refuse(service, request, errors => errors.Invalid(
                "spec.clusterIPs", spec["clusterIPs"], $"failed to allocate IP {wanted}: {why}"));
        }
    }

    private static void GiveNodePorts(JsonObject service, JsonObject spec, AdmissionView request)
    {
        var (first, last) = request.Settings.Services.NodePorts;
        var taken = new HashSet<long>();
        foreach (var other in Others(request))
        {
            taken.UnionWith(PortsOf(other.Object("spec") ?? []));
        }

        // first those that are asked for, so that none of the free ones is one of them
        var own = new HashSet<(long, string?)>();
        var ownNumbers = new HashSet<long>();
        var index = 0;
        foreach (var port in spec.Objects("ports"))
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"spec.ports[{index++}].nodePort");
            if (port.Number("nodePort") is not { } number || number == 0)
            {
                continue;
            }

            var why = number < first || number > last
                ? string.Create(CultureInfo.InvariantCulture, $"provided port is not in the valid range. The range of valid ports is {first}-{last}")
                : taken.Contains(number) || !own.Add((number, port.Text("protocol"))) ? "provided port is already allocated" : null;
            if (why is not null)
            {
                throw Refuse(service, request, errors => errors.Invalid(field, number, why));
            }

            ownNumbers.Add(number);
        }

        taken.UnionWith(ownNumbers);
        foreach (var port in spec.Objects("ports").Where(p => (p.Number("nodePort") ?? 0) == 0))
        {
            port["nodePort"] = FreePort(service, request, taken);
        }

        if (NeedsHealthPort(spec) && (spec.Number("healthCheckNodePort") ?? 0) == 0)
        {
            spec["healthCheckNodePort"] = FreePort(service, request, taken);
        }
    }

    private static long FreePort(JsonObject service, AdmissionView request, HashSet<long> taken)
    {
        var (first, last) = request.Settings.Services.NodePorts;
        var count = last - first + 1;
        var start = Random.Shared.Next(count);
        for (var i = 0; i < count; i++)
        {
            var port = first + ((start + i) % count);
            if (taken.Add(port))
            {
                return port;
            }
        }

        throw Refuse(service, request, errors => errors.Invalid("spec.ports", "", "failed to allocate a nodePort: range is full"));
    }

    private static IEnumerable<long> PortsOf(JsonObject spec) => spec.Objects("ports").Select(p => p.Number("nodePort") ?? 0)
        .Append(spec.Number("healthCheckNodePort") ?? 0).Where(p => p > 0);

    private static IEnumerable<JsonObject> Others(AdmissionView request) =>
        request.State.Of(Resource).Where(s => s.Key != request.Key).Select(s => s.Value.Parse());

    /// <summary>An address of the range that nobody has: not the network's own, the first (the API's by custom) or the last.</summary>
    private static string? Free(IPNetwork range, HashSet<string?> taken)
    {
        var bits = range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var hosts = bits - range.PrefixLength;
        var count = hosts >= 62 ? 1L << 62 : 1L << hosts;
        var usable = count - 3;
        if (usable < 1)
        {
            return null;
        }

        var start = Random.Shared.NextInt64(usable);
        for (var i = 0L; i < Math.Min(usable, Math.Max(MostTries, taken.Count + 1L)); i++)
        {
            var address = Add(range.BaseAddress, 2 + ((start + i) % usable)).ToString();
            if (!taken.Contains(address))
            {
                return address;
            }
        }

        return null;
    }

    private static bool IsFirst(IPNetwork range, string address) => Add(range.BaseAddress, 1).ToString() == address;

    private static IPAddress Add(IPAddress address, long offset)
    {
        var bytes = address.GetAddressBytes();
        if (bytes.Length == 4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, BinaryPrimitives.ReadUInt32BigEndian(bytes) + (uint)offset);
        }
        else
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes, BinaryPrimitives.ReadUInt128BigEndian(bytes) + (ulong)offset);
        }

        return new IPAddress(bytes);
    }

    private static bool NeedsClusterIp(JsonObject spec) => spec.Text("type") is "ClusterIP" or "NodePort" or "LoadBalancer";

    private static bool HasNodePorts(JsonObject spec) => spec.Text("type") is "NodePort" or "LoadBalancer";

    private static bool NeedsNodePorts(JsonObject spec) => spec.Text("type") == "NodePort"
        || (spec.Text("type") == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"]?.ToString() != "false");

    private static bool NeedsHealthPort(JsonObject spec) =>
        spec.Text("type") == "LoadBalancer" && spec.Text("externalTrafficPolicy") == "Local";

    private static bool SameNodePorts(JsonObject one, JsonObject other) => PortsOf(one).SequenceEqual(PortsOf(other));

    private static void DropIfSame(JsonObject spec, JsonObject before, string member)
    {
        if (JsonNode.DeepEquals(spec[member], before[member]))
        {
            spec.Remove(member);
        }
    }

    private static ApiException Refuse(JsonObject service, AdmissionView request, Action<FieldErrors> say)
    {
        var errors = new FieldErrors();
        say(errors);
        return errors.AsException(request.Resource, service.Object("metadata")?.Text("name") ?? "");
    }
}
