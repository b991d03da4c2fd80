using System.Collections.Immutable;
using EdgeSync.Protocol.Devices;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>
/// The changes of one turn, worked out in memory and then written in one transaction: of a property that was updated
/// many times only the last row is written. Nothing of it is visible before that.
/// </summary>
internal sealed class TwinBatch(ImmutableDictionary<DeviceId, TwinDocument> twins)
{
    private readonly Dictionary<DeviceId, Staged> _staged = [];

    public bool HasWrites { get; private set; }

    /// <summary>The twin as this batch has left it so far; null for an unknown device.</summary>
    public TwinDocument? Get(DeviceId id) =>
        _staged.TryGetValue(id, out var staged) ? staged.Document : twins.GetValueOrDefault(id);

    /// <summary>All twins as this batch has left them so far.</summary>
    public ImmutableDictionary<DeviceId, TwinDocument> All()
    {
        if (_staged.Count == 0)
        {
            return twins;
        }

        var all = twins.ToBuilder();
        foreach (var (id, staged) in _staged)
        {
            if (staged.Document is { } document)
            {
                all[id] = document;
            }
            else
            {
                all.Remove(id);
            }
        }

        return all.ToImmutable();
    }

    /// <summary>A device that is new on this node, or in a new incarnation; what it reported in the cloud's view is confirmed.</summary>
    public void Begin(TwinDocument document)
    {
        var staged = Stage(document.Id);
        staged.Clear = true;
        staged.Document = document;
        staged.DeviceChanged = true;
        staged.ReportState = null;
        staged.ReportTwin = false;
        staged.Properties.Clear();
        foreach (var (name, entry) in document.Properties)
        {
            staged.Properties[name] = entry.Actual.Version.Edge;
        }
    }

    public void Remove(DeviceId id)
    {
        var staged = Stage(id);
        staged.Clear = true;
        staged.Document = null;
        staged.DeviceChanged = false;
        staged.ReportState = null;
        staged.ReportTwin = false;
        staged.Properties.Clear();
    }

    /// <summary>A new view of the device in which nothing that is stored has changed.</summary>
    public void Describe(TwinDocument document)
    {
        if (!_staged.TryGetValue(document.Id, out var staged))
        {
            _staged.Add(document.Id, staged = new Staged());
        }

        staged.Document = document;
    }

    /// <summary>Properties changed; the cloud will hear of them.</summary>
    public void Apply(TwinOutcome outcome)
    {
        if (outcome.Changed.Count == 0)
        {
            return;
        }

        var staged = Stage(outcome.Document.Id);
        staged.Document = outcome.Document;
        staged.ReportTwin = true;
        foreach (var change in outcome.Changed)
        {
            staged.Properties.TryAdd(change.Name, 0);
        }
    }

    /// <summary>The device's state changed; the cloud will hear of it.</summary>
    public void ApplyState(TwinDocument document, StateReport report)
    {
        var staged = Stage(document.Id);
        staged.Document = document;
        staged.DeviceChanged = true;
        staged.ReportState = report;
    }

    /// <summary>Writes everything, in the caller's transaction.</summary>
    public void Write(SqlSession session, TwinReports reports)
    {
        foreach (var (id, staged) in _staged)
        {
            if (staged.Clear)
            {
                TwinStore.Remove(session, id);
                reports.Forget(session, id);
            }

            if (staged.Document is not { } document)
            {
                continue;
            }

            if (staged.DeviceChanged)
            {
                TwinStore.PutDevice(session, document);
            }

            foreach (var (property, acked) in staged.Properties)
            {
                TwinStore.PutEntry(session, id, property, document.Properties[property], acked);
            }

            if (staged.ReportTwin)
            {
                reports.PutTwin(session, id);
            }

            if (staged.ReportState is not null)
            {
                reports.PutState(session, id, staged.ReportState);
            }
        }
    }

    private Staged Stage(DeviceId id)
    {
        HasWrites = true;
        if (!_staged.TryGetValue(id, out var staged))
        {
            _staged.Add(id, staged = new Staged { Document = twins.GetValueOrDefault(id) });
        }

        return staged;
    }

    private sealed class Staged
    {
        public TwinDocument? Document { get; set; }

        /// <summary>What is stored of the device goes first.</summary>
        public bool Clear { get; set; }

        public bool DeviceChanged { get; set; }

        /// <summary>Changed properties, each with the sequence that the cloud is known to have where it is new here.</summary>
        public Dictionary<string, long> Properties { get; } = [];

        public bool ReportTwin { get; set; }

        public StateReport? ReportState { get; set; }
    }
}
