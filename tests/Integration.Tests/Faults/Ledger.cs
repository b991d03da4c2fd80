using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// What was accepted: the API answered with success, or the broker with a PUBACK. Nothing else counts, and all of it does.
/// </summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<(string Resource, string Name), JsonObject?> _objects = new();
    private readonly ConcurrentDictionary<(string Device, string Property), long> _readings = new();
    private int _accepted;

    /// <summary>Changes of all kinds so far.</summary>
    public int Accepted => _accepted;

    /// <summary>Each object as last accepted; null for one whose deletion was.</summary>
    public IReadOnlyDictionary<(string Resource, string Name), JsonObject?> Objects => _objects;

    /// <summary>The last reading of each property.</summary>
    public IReadOnlyDictionary<(string Device, string Property), long> Readings => _readings;

    public void Put(string resource, JsonObject wanted)
    {
        _objects[(resource, (string)wanted["metadata"]!["name"]!)] = wanted;
        Interlocked.Increment(ref _accepted);
    }

    public void Deleted(string resource, string name)
    {
        _objects[(resource, name)] = null;
        Interlocked.Increment(ref _accepted);
    }

    public void Read(string device, string property, long value)
    {
        _readings[(device, property)] = value;
        Interlocked.Increment(ref _accepted);
    }

    /// <summary>Names of the objects of a kind that should exist.</summary>
    public IReadOnlyList<string> Names(string resource) =>
        [.. _objects.Where(o => o.Key.Resource == resource && o.Value is not null).Select(o => o.Key.Name).Order()];
}
