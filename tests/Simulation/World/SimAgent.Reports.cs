using System.Globalization;
using System.Text.Json;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>
/// What the node says: its status, its pods', events, and twins (DeviceTwin, TwinStore and TwinReports, with the shipped
/// <see cref="TwinRules"/> and <see cref="CloudTwin"/>).
/// </summary>
internal sealed partial class SimAgent
{
    private const string TwinPrefix = "twin/";

    private readonly HashSet<DeviceId> _dirtyTwins = [];
    private bool _converging;

    public void ReportNode(int choice)
    {
        _edge.Mode = choice % 2 == 0 ? "m0" : "m1";
        _writer.Write(PutNodeStatus, _ => OutboxChanged());
    }

    /// <summary>An app's message to the cloud: all must arrive, those of a topic in their order.</summary>
    public void SendRouted(int choice)
    {
        var (topic, number) = ($"t{choice % 2}", _world.NextSequence());
        _writer.Write(
            disk =>
            {
                if (!_edge.Routed.TryGetValue(topic, out var numbers))
                {
                    _edge.Routed.Add(topic, numbers = []);
                }

                numbers.Add(number);
                _outbox.Put(disk, new UpstreamMessage(
                    SimOutbox.RoutedPrefix + topic, Lane.Bulk, true, Sources.Bus, Groups.User, Operations.Upload, topic, SimContent.Write("", number)));
            },
            _ => OutboxChanged());
    }

    public void ReportPod(int choice)
    {
        var pods = _objects.Where(o => o.Key.Type == ResourceTypes.Pod).ToArray();
        if (pods.Length == 0)
        {
            return;
        }

        var (key, pod) = pods[choice % pods.Length];
        var sequence = _world.NextSequence();
        _writer.Write(
            disk =>
            {
                _outbox.Put(disk, new UpstreamMessage(
                    $"podstatus/{key.Namespace}/{key.Name}/{pod.Uid}", Lane.Pods, false, Sources.Edged, Groups.Meta, Operations.Patch,
                    $"{key.Namespace}/{ResourceTypes.PodPatch}/{key.Name}", SimContent.Write(pod.Uid, sequence)));
                _edge.Reported[(key, pod.Uid)] = sequence;
            },
            _ => OutboxChanged());
    }

    public void RecordEvent()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"e{_world.NextSequence()}");
        _writer.Write(
            disk =>
            {
                _edge.Events.Add($"event/default/{name}");
                _outbox.Put(disk, new UpstreamMessage(
                    $"event/default/{name}", Lane.Bulk, true, Sources.Edged, Groups.Resource, Operations.Insert,
                    $"default/{ResourceTypes.Event}/{name}", SimContent.Write("", 0)));
            },
            _ => OutboxChanged());
    }

    public void ReportTwin(int choice)
    {
        var property = $"p{choice % 3}";
        var value = string.Create(CultureInfo.InvariantCulture, $"v{_world.NextSequence()}");
        _writer.Write(
            disk =>
            {
                var rows = disk.Devices.ToArray();
                if (rows.Length == 0)
                {
                    return;
                }

                var (id, row) = rows[choice % rows.Length];
                var outcome = TwinRules.Update(
                    row.Document, new Dictionary<string, MsgTwin?> { [property] = new() { Actual = new TwinValue { Value = value } } }, _world.Agenda.Now);
                row.Document = outcome.Document;
                _world.Oracle.Reported(_edge.Name, value);
                PutTwin(disk, id);
            },
            _ => OutboxChanged());
    }

    private void PutTwin(SimDisk disk, DeviceId id) => _outbox.PutOnce(disk, new UpstreamMessage(
        TwinPrefix + id, Lane.Twins, false, Sources.Twin, Groups.Resource, Operations.Update, $"device/{id}/twin/edge_updated", null));

    private static DeviceId ReadKey(string key)
    {
        var parts = key.Split('/');
        return new DeviceId(parts[1], parts[2]);
    }

    private void PutNodeStatus(SimDisk disk)
    {
        var at = _world.Time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        _outbox.Put(disk, new UpstreamMessage(
            "nodestatus", Lane.Control, false, Sources.Edged, Groups.Meta, Operations.Patch,
            $"default/{ResourceTypes.NodePatch}/{_edge.Name}",
            SimContent.WriteNodeStatus(_world.NextSequence(), _edge.Mode, at)));
        _edge.SaidMode = _edge.Mode;
    }

    /// <summary>An object changed; who is told reads the current state.</summary>
    private void Announce(ObjectKey key)
    {
        if (key.Type == ResourceTypes.Pod && _objects.TryGetValue(key, out var pod) && pod.IsDeleting)
        {
            Later(_world.Rng.Between(5, 500), () => ReportDeleted(key, pod.Uid));
        }
        else if (key.Type == ResourceTypes.Device)
        {
            _dirtyTwins.Add(new DeviceId(key.Namespace, key.Name));
            ConvergeTwins();
        }
    }

    private void ReportDeleted(ObjectKey key, string uid) => _writer.Write(
        disk => _outbox.Put(disk, new UpstreamMessage(
            $"poddelete/{key.Namespace}/{key.Name}/{uid}", Lane.Pods, false, Sources.Edged, Groups.Meta, Operations.Delete,
            key.ToString(), SimContent.Write(uid, 0))),
        taken =>
        {
            if (!taken)
            {
                Later(1000, () => ReportDeleted(key, uid));
                return;
            }

            OutboxChanged();
        });

    private void ConvergeAllTwins()
    {
        foreach (var id in _edge.Disk.Devices.Keys)
        {
            _dirtyTwins.Add(id);
        }

        if (_dirtyTwins.Count > 0)
        {
            ConvergeTwins();
        }
    }

    private void ConvergeTwins()
    {
        if (_converging)
        {
            return;
        }

        _converging = true;
        Soon(() =>
        {
            DeviceId[] dirty = [.. _dirtyTwins];
            _dirtyTwins.Clear();
            _writer.Write(
                disk =>
                {
                    foreach (var id in dirty)
                    {
                        ConvergeTwin(disk, id);
                    }
                },
                taken =>
                {
                    _converging = false;
                    if (!taken)
                    {
                        _dirtyTwins.UnionWith(dirty);
                        Later(1000, ConvergeTwins);
                        return;
                    }

                    OutboxChanged();
                    if (_dirtyTwins.Count > 0)
                    {
                        ConvergeTwins();
                    }
                });
        });
    }

    private void ConvergeTwin(SimDisk disk, DeviceId id)
    {
        var row = disk.Devices.GetValueOrDefault(id);
        if (!_objects.TryGetValue(new ObjectKey(id.Namespace, ResourceTypes.Device, id.Name), out var stored))
        {
            Forget(disk, id);
            return;
        }

        var device = stored.View(KubernetesJson.Default.Device);
        if (row is null || row.Document.Uid != stored.Uid)
        {
            var known = row is not null;
            Forget(disk, id);
            row = new DeviceRow(CloudTwin.Begin(device, null, known) with { Origin = $"o{_world.NextId()}" });
            foreach (var (name, entry) in row.Document.Properties)
            {
                row.Acked[name] = entry.Actual.Version.Edge;
            }

            disk.Devices.Add(id, row);
        }

        var outcome = CloudTwin.ApplyDesired(row.Document, device, _world.Agenda.Now, out _);
        if (outcome.Changed.Count > 0)
        {
            row.Document = outcome.Document;
            PutTwin(disk, id);
        }
    }

    private void Forget(SimDisk disk, DeviceId id)
    {
        disk.Devices.Remove(id);
        _outbox.Forget(disk, TwinPrefix + id);
    }

    private OutboxEntry Render(OutboxEntry entry)
    {
        if (entry.Message.Content is not null)
        {
            return entry;
        }

        var row = _edge.Disk.Devices.GetValueOrDefault(ReadKey(entry.Message.Key));
        if (row is null || !row.HasUnsaid)
        {
            return entry;
        }

        var twin = row.Document.Properties
            .Where(p => p.Value.Actual.Version.Edge > row.Acked.GetValueOrDefault(p.Key))
            .OrderBy(p => p.Key, StringComparer.Ordinal)
            .ToDictionary(p => p.Key, p => (MsgTwin?)p.Value.ToReport(row.Acked.GetValueOrDefault(p.Key)));
        return entry with
        {
            Message = entry.Message with
            {
                Content = JsonSerializer.SerializeToUtf8Bytes(
                    new TwinMessage { EventId = "e", Uid = row.Document.Uid, Origin = row.Document.Origin, Twin = twin }, DeviceCodec.Json.TwinMessage),
            },
        };
    }

    private void TwinSettled(SimDisk disk, OutboxEntry sent)
    {
        var id = ReadKey(sent.Message.Key);
        if (disk.Devices.GetValueOrDefault(id) is not { } row)
        {
            return;
        }

        var message = sent.Message.Content is { } content ? JsonSerializer.Deserialize(content, DeviceCodec.Json.TwinMessage) : null;
        foreach (var (property, value) in message?.Twin ?? new Dictionary<string, MsgTwin?>())
        {
            var sequence = value?.ActualVersion?.Edge ?? 0;
            if (message!.Uid == row.Document.Uid && message.Origin == row.Document.Origin && row.Acked.GetValueOrDefault(property) < sequence)
            {
                row.Acked[property] = sequence;
            }
        }

        if (row.HasUnsaid)
        {
            PutTwin(disk, id);
        }
    }
}
