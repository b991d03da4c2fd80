using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>Whether all is as it should be.</summary>
internal sealed partial class SimOracle
{
    /// <summary>The first thing that is not as it should be; null where all is.</summary>
    public string? Difference()
    {
        foreach (var edge in world.Edges)
        {
            if (Difference(edge) is { } difference)
            {
                return $"{edge.Name}: {difference}";
            }
        }

        return null;
    }

    private string? Difference(SimEdge edge)
    {
        if (edge.Agent is not { IsLinked: true } || world.Hub.Seats.Find(edge.Name) is not { Begun: true, Ended: false } session)
        {
            return "not connected";
        }

        if (session.Sync.PendingCount > 0)
        {
            return $"{session.Sync.PendingCount} objects pending";
        }

        var expected = Expected(edge.Name);
        foreach (var (key, wanted) in expected)
        {
            if (!edge.Disk.Objects.TryGetValue(key, out var stored))
            {
                return $"{key} is missing";
            }

            if (stored.Uid != wanted.Uid || stored.ContentHash != wanted.ContentHash)
            {
                return $"{key} is at version {stored.ResourceVersion}, should be at {wanted.ResourceVersion}";
            }
        }

        foreach (var key in edge.Disk.Objects.Keys)
        {
            if (!expected.ContainsKey(key))
            {
                return $"{key} is there and should not be";
            }
        }

        if (edge.Disk.Outbox.Count > 0)
        {
            return $"the outbox still has {string.Join(", ", edge.Disk.Outbox.Values.Select(m => m.Key))}";
        }

        return ReportDifference(edge);
    }

    private string? ReportDifference(SimEdge edge)
    {
        foreach (var name in edge.Events)
        {
            if (!world.Api.Events.Contains(name))
            {
                return $"event {name} never arrived";
            }
        }

        foreach (var (topic, numbers) in edge.Routed)
        {
            if (numbers.Except(world.Api.Routed.GetValueOrDefault((edge.Name, topic)) ?? []).FirstOrDefault() is var missing and not 0)
            {
                return $"message {missing} to {topic} never arrived";
            }
        }

        if (world.Api.Find(new ObjectKey("", ResourceTypes.Node, edge.Name)) is { } node && (node.Mode != edge.SaidMode || node.Release != edge.Release))
        {
            return $"its Node says {node.Mode} and {node.Release} in the API, {edge.SaidMode} and {edge.Release} was reported last";
        }

        foreach (var ((key, uid), sequence) in edge.Reported)
        {
            if (world.Api.Find(key) is { } found && (uid.Length == 0 || found.Uid == uid) && found.Status != sequence)
            {
                return $"{key} has status {found.Status} in the API, {sequence} was reported last";
            }
        }

        foreach (var (id, row) in edge.Disk.Devices)
        {
            if (world.Api.Find(new ObjectKey(id.Namespace, ResourceTypes.Device, id.Name)) is { } device
                && TwinDifference(edge, row, device) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    private string? TwinDifference(SimEdge edge, DeviceRow row, ApiObject device)
    {
        if (row.Document.Uid != device.Uid)
        {
            return $"the twin of {device.Key} is of {row.Document.Uid}, should be of {device.Uid}";
        }

        foreach (var (property, entry) in row.Document.Properties)
        {
            if (entry.Actual.Value is not { } value || device.Reported.GetValueOrDefault(property) is var has && has.Value == value)
            {
                continue;
            }

            // another node, which had the device for a while, may have said something since; and so may this one before it lost its disk,
            // in which there is now a copy out of an object that did not have it yet
            var superseded = has.Value is not null && row.Acked.GetValueOrDefault(property) >= entry.SaidAt
                && (_said[has.Value] != edge.Name || AgeOf(has.Value) > AgeOf(value));
            if (!superseded)
            {
                return $"{device.Key} {property} is {has} in the API, {value} ({entry.Actual.Version.Edge}) was reported last";
            }
        }

        return null;
    }

    /// <summary>What the node should hold, worked out from the API's objects alone.</summary>
    private Dictionary<ObjectKey, KubeObject> Expected(string node)
    {
        var expected = new Dictionary<ObjectKey, KubeObject>();
        foreach (var (key, found) in world.Api.Objects)
        {
            if (key.Type == ResourceTypes.Node ? key.Name == node : found.Node == node)
            {
                expected[key] = found.Rendered;
                foreach (var used in found.Uses)
                {
                    if (world.Api.Find(used) is { } there)
                    {
                        expected[used] = there.Rendered;
                    }
                }
            }
        }

        return expected;
    }
}
