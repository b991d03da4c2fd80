using System.Text.Json;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>Sees everything, and speaks up when a promise (<see cref="Promises"/>) is broken.</summary>
internal sealed partial class SimOracle(SimWorld world)
{
    private readonly Dictionary<(string Uid, string Version), string> _nodes = []; // of each version of a pod or device
    private readonly HashSet<(string Node, ObjectKey Key)> _used = []; // configuration that a node has ever had a use for
    private readonly Dictionary<string, (int Incarnation, long Epoch)> _lastWriter = [];
    private readonly Dictionary<string, string> _said = []; // reported values, and on which node
    private readonly Dictionary<(string Uid, string Property, string Origin), long> _reports = []; // the newest that the API had
    private readonly Dictionary<(string Uid, string Property, string Node), long> _values = []; // likewise, by number of the value

    /// <summary>The most that one session has kept, in entries; for the figures.</summary>
    public int PeakFootprint { get; private set; }

    /// <summary>The API has a new version of the object.</summary>
    public void Assigned(ApiObject changed)
    {
        if (changed.Node is not { } node)
        {
            return;
        }

        _nodes[(changed.Uid, changed.Rendered.ResourceVersion)] = node;
        foreach (var key in changed.Uses)
        {
            _used.Add((node, key));
        }
    }

    public void CheckOwn(string node, ObjectKey key, KubeObject sent)
    {
        var own = key.Type switch
        {
            ResourceTypes.Node => key.Name == node,
            ResourceTypes.Pod or ResourceTypes.Device => _nodes.GetValueOrDefault((sent.Uid, sent.ResourceVersion)) == node,
            _ => _used.Contains((node, key)),
        };
        Check(own, Promises.OwnObjectsOnly, $"{node} was sent {key}, which was never its own");
    }

    /// <summary>The hub tells a node to remove an object. (Configuration may merely be of no use there; a pod never moves.)</summary>
    public void CheckDelete(SimSession session, ObjectKey key, string uid) => Check(
        key.Type != ResourceTypes.Pod || world.Api.Find(key) is not { } found || found.Uid != uid,
        Promises.NoNeedlessDelete, $"{session.Node} is told to remove {key} {uid}, which is wanted");

    /// <summary>A node's request is about to change an object that may be another of the same name.</summary>
    public void CheckIncarnation(ApiObject found, string uid) => Check(
        uid.Length == 0 || found.Uid == uid, Promises.RightIncarnation, $"what was said of {found.Key} {uid} is done to {found.Uid}");

    /// <summary>The hub takes something for held (or gone) from now on.</summary>
    public void CheckHeld(SimSession session, ObjectKey key, string why)
    {
        if (session.Disk is null || session.Disk != session.Edge.Disk || session.Ended || session.IsUnsure(key))
        {
            return;
        }

        HeldObject? believed = session.Held.TryGetValue(key, out var held) ? held : null;
        HeldObject? durable = session.Edge.Disk.Objects.TryGetValue(key, out var stored) ? new HeldObject(stored.Uid, stored.ContentHash) : null;
        Check(believed == durable, Promises.HeldIsDurable,
            $"{session.Node} {key} {why}: the hub takes {believed?.ToString() ?? "nothing"} for held, the disk has {durable?.ToString() ?? "nothing"}");
    }

    /// <summary>The edge has committed a change.</summary>
    public void CheckStored(SimEdge edge, ObjectChange change)
    {
        if (change.Object is { } stored)
        {
            Check(!(world.Api.Gone.Contains(stored.Uid) && edge.HasAcknowledgedGone(stored.Uid)), Promises.NoReturn,
                $"{edge.Name} {change.Key} {stored.Uid} is gone, its removal was acknowledged, and it is stored again");
        }

        if (world.Hub.Running && world.Hub.Seats.Find(edge.Name) is { } session)
        {
            CheckHeld(session, change.Key, "stored");
        }
    }

    /// <summary>The hub says that everything is sent.</summary>
    public void CheckSynced(SimSession session)
    {
        var scope = world.Hub.Scope;
        foreach (var (key, held) in session.Held)
        {
            if (session.ChangedSinceOpen(key))
            {
                continue;
            }

            var wanted = scope.Lookup(session.Node, key);
            Check(wanted is not null && wanted.Uid == held.Uid && wanted.ContentHash == held.ContentHash, Promises.SyncedIsTrue,
                $"{session.Node} was told that all is sent, while {key} differs");
        }

        foreach (var pod in world.Hub.Caches[ResourceTypes.Pod].Snapshot())
        {
            if (_nodes.GetValueOrDefault((pod.Uid, pod.ResourceVersion)) == session.Node && !session.ChangedSinceOpen(pod.Key(ResourceTypes.Pod)))
            {
                Check(session.Held.ContainsKey(pod.Key(ResourceTypes.Pod)), Promises.SyncedIsTrue,
                    $"{session.Node} was told that all is sent, while pod {pod.Name} is not");
            }
        }
    }

    /// <summary>The hub answers a node without a write, because the API has it already.</summary>
    public void CheckKnown(SimSession session, KubeObject known, Func<ApiObject, bool> has) => Check(
        world.Api.Find(new ObjectKey("", ResourceTypes.Node, session.Node)) is not { } found || found.Uid != known.Uid || has(found),
        Promises.SettledIsTaken, $"{session.Node} is told that the API has what it says (version {known.ResourceVersion}), which it has not");

    /// <summary>A node's routed message has arrived.</summary>
    public void Routes(string node, string topic, long number)
    {
        if (!world.Api.Routed.TryGetValue((node, topic), out var arrived))
        {
            world.Api.Routed.Add((node, topic), arrived = []);
        }

        // the last one may come again, where its answer was lost
        Check(arrived.Count == 0 || number >= arrived[^1], Promises.NeverOlder, $"{node} {topic}: message {number} comes after {arrived.LastOrDefault()}");
        arrived.Add(number);
    }

    /// <summary>The API is about to write a status.</summary>
    public void CheckNewer(ObjectKey key, long before, long sequence) =>
        Check(sequence >= before, Promises.NeverOlder, $"status {sequence} of {key} replaces {before}");

    /// <summary>A device said a value (which no other says again) on that node.</summary>
    public void Reported(string node, string value) => _said[value] = node;

    /// <summary>A node's report is about to be written: newer than all of its origin, and a value that this node was told, newer than all of that.</summary>
    public void WritesReport(string node, ApiObject device, string property, SimReport report)
    {
        if (device.Reported.TryGetValue(property, out var before) && report == before)
        {
            return;
        }

        var order = (device.Uid, property, report.Origin);
        Check(report.Sequence > _reports.GetValueOrDefault(order), Promises.NeverOlder,
            $"{device.Key} {property}: {report} of {node} replaces {before}, of this origin the API had {_reports.GetValueOrDefault(order)}");
        _reports[order] = report.Sequence;
        if (report.Value == before.Value)
        {
            return;
        }

        var age = AgeOf(report.Value);
        var newest = _values.GetValueOrDefault((device.Uid, property, node));
        Check(_said[report.Value] == node && age > newest, Promises.NeverOlder,
            $"{device.Key} {property}: {report} of {node}, told on {_said[report.Value]}, replaces {before}; of this node the API had v{newest}");
        _values[(device.Uid, property, node)] = age;
    }

    /// <summary>A session's write is being carried out.</summary>
    public void Writes(SimSession session)
    {
        var writer = (world.Hub.Incarnation, session.Epoch);
        var last = _lastWriter.GetValueOrDefault(session.Node);
        Check(writer.CompareTo(last) >= 0, Promises.OneWriter,
            $"{session.Node} session {session.Epoch} writes after session {last.Epoch} has");
        _lastWriter[session.Node] = writer;
    }

    /// <summary>An entry is about to leave the outbox.</summary>
    public void CheckSettled(SimEdge edge, OutboxEntry entry, SettleReason reason)
    {
        var message = entry.Message;
        if (message.Kind == OutboxKind.Routed)
        {
            var number = SimContent.Read(message.Content).Sequence;
            Check(reason == SettleReason.Taken && world.Api.Routed.GetValueOrDefault((edge.Name, message.Resource))?.Contains(number) == true,
                Promises.SettledIsTaken, $"{edge.Name} {message.Key} {number} leaves the outbox ({reason}), it has not arrived");
        }
        else if (message.Each)
        {
            Check(reason == SettleReason.Taken && world.Api.Events.Contains("event/default/" + ObjectName(message.Resource)), Promises.SettledIsTaken,
                $"{edge.Name} {message.Key} leaves the outbox ({reason}), the API does not have it");
        }
        else if (message.Key.StartsWith("podstatus/", StringComparison.Ordinal))
        {
            var (uid, sequence) = SimContent.Read(message.Content);
            var pod = world.Api.Find(new ObjectKey("default", ResourceTypes.Pod, ObjectName(message.Resource)));
            Check(pod is null || pod.Uid != uid || pod.Status >= sequence, Promises.SettledIsTaken,
                $"{edge.Name} {message.Key} {sequence} leaves the outbox ({reason}), the API has {pod?.Status}");
        }
        else if (message.Key.StartsWith("twin/", StringComparison.Ordinal) && message.Content is not null)
        {
            CheckTwinSettled(edge, message);
        }
    }

    /// <summary>What a session keeps.</summary>
    public void CheckMemory(SimSession session)
    {
        var footprint = session.Sync.Footprint;
        PeakFootprint = Math.Max(PeakFootprint, footprint);
        Check(footprint <= 4 * SimWorld.MostKeys, Promises.BoundedMemory, $"{session.Node} session {session.Epoch} keeps {footprint} entries");
    }

    public void Check(bool holds, string promise, string text)
    {
        if (!holds)
        {
            world.Log($"BROKEN {promise}: {text}");
            throw new Violation(promise, text);
        }
    }

    private void CheckTwinSettled(SimEdge edge, UpstreamMessage message)
    {
        var segments = message.Resource.Split('/');
        var device = world.Api.Find(new ObjectKey(segments[1], ResourceTypes.Device, segments[2]));
        var report = JsonSerializer.Deserialize(message.Content, DeviceCodec.Json.TwinMessage)!;
        if (device is null || device.Uid != report.Uid)
        {
            return;
        }

        foreach (var (property, twin) in report.Twin!)
        {
            if (twin?.Actual?.Value is not null)
            {
                var has = _reports.GetValueOrDefault((report.Uid ?? "", property, report.Origin ?? ""));
                Check(has >= twin.ActualVersion!.Value.Edge, Promises.SettledIsTaken,
                    $"{edge.Name} {message.Key} {property} {twin.ActualVersion.Value.Edge} of {report.Origin} leaves the outbox, the API has {has}");
            }
        }
    }

    /// <summary>Grows with each value that is told.</summary>
    private static long AgeOf(string value) => long.Parse(value.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture);

    private static string ObjectName(string resource) => resource[(resource.LastIndexOf('/') + 1)..];
}
