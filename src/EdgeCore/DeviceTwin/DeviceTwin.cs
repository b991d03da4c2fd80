using System.Collections.Immutable;
using System.Threading.Channels;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>
/// The twins of this node's devices: durable in SQLite, served from memory, with or without a cloud. One turn at a
/// time changes them: a batch of device messages, or Device objects that MetaManager announced. What a turn changed is
/// visible, answered and acknowledged only after its commit.
/// </summary>
internal sealed partial class DeviceTwin : BackgroundService
{
    private static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(1);

    private readonly string _nodeName;
    private readonly Database _database;
    private readonly MetaManager.MetaManager _metaManager;
    private readonly Outbox _outbox;
    private readonly TwinReports _reports;
    private readonly IMqttClient _mqtt;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Lock _gate = new();
    private readonly List<IDisposable> _subscriptions = [];
    private HashSet<DeviceId> _dirty = []; // guarded by _gate: devices whose object may have changed
    private ImmutableDictionary<DeviceId, TwinDocument> _twins; // swapped in a turn, read by all
    private long _accepted;
    private long _refused;

    /// <summary>Reads the stored twins; devices are compared with MetaManager's objects in the first turn.</summary>
    public DeviceTwin(
        EdgeCoreConfig config, Database database, MetaManager.MetaManager metaManager, Outbox outbox, IMqttClient mqtt,
        TimeProvider time, ILogger<DeviceTwin> logger)
    {
        _nodeName = config.Modules.Edged.HostnameOverride;
        _database = database;
        _metaManager = metaManager;
        _outbox = outbox;
        _mqtt = mqtt;
        _time = time;
        _logger = logger;
        _twins = database.Read(TwinStore.Load);
        _reports = new TwinReports(outbox, time);
        _reports.Register();

        // subscribe before reading, so that no change falls between
        _subscriptions.Add(metaManager.Subscribe(ResourceTypes.Device, key => MarkDirty([new DeviceId(key.Namespace, key.Name)])));
        _subscriptions.Add(metaManager.Subscribe(ResourceTypes.DeviceModel, key => MarkDirty(DevicesIn(key.Namespace))));
        MarkDirty([.. _twins.Keys, .. metaManager.List(ResourceTypes.Device).Select(d => new DeviceId(d.Namespace, d.Name))]);
    }

    /// <summary>The twins as last committed; never waits.</summary>
    public ImmutableDictionary<DeviceId, TwinDocument> Twins => Volatile.Read(ref _twins);

    /// <summary>Updates that were stored since the start.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Device messages that were answered with an error since the start.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>
    /// Applies device messages in their order and stores them in one transaction, in which <paramref name="alsoStore"/>
    /// runs too. When the task completes they are on disk.
    /// </summary>
    public async Task HandleAsync(
        IReadOnlyList<MqttMessage> messages, Action<SqlSession>? alsoStore, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await TurnAsync(messages, alsoStore, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public override void Dispose()
    {
        _subscriptions.ForEach(s => s.Dispose());
        _turn.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await _wake.Reader.ReadAsync(stoppingToken);
                await HandleAsync([], null, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // the keys are marked again; a full disk may get room
                LogNotStored(e);
                await Task.Delay(s_retryAfter * (0.5 + Random.Shared.NextDouble()), _time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TurnAsync(
        IReadOnlyList<MqttMessage> messages, Action<SqlSession>? alsoStore, CancellationToken cancellationToken)
    {
        var batch = new TwinBatch(_twins);
        var requests = new DeviceRequests(batch, _nodeName, _time.GetUtcNow().ToUnixTimeMilliseconds());
        var dirty = TakeDirty();
        if (messages.Count > 0)
        {
            Failpoint.Hit(EdgeFailpoints.TwinReceived);
        }

        Converge(dirty, batch, requests);
        foreach (var message in messages)
        {
            requests.Handle(message);
        }

        if (batch.HasWrites || alsoStore is not null)
        {
            try
            {
                await StoreAsync(batch, alsoStore, cancellationToken);
            }
            catch (Exception e)
            {
                MarkDirty(dirty);
                Publish(requests.NotStoredAnswers(e.Message));
                throw;
            }
        }

        Volatile.Write(ref _twins, batch.All());
        Interlocked.Add(ref _accepted, requests.Accepted);
        Interlocked.Add(ref _refused, requests.Refused);
        Publish(requests.Answers);
        Failpoint.Hit(messages.Count > 0 ? EdgeFailpoints.TwinAnswered : EdgeFailpoints.DesiredCommitted);
    }

    private async Task StoreAsync(TwinBatch batch, Action<SqlSession>? alsoStore, CancellationToken cancellationToken)
    {
        await _database.WriteAsync(
            session =>
            {
                batch.Write(session, _reports);
                alsoStore?.Invoke(session);
                Failpoint.Hit(EdgeFailpoints.TwinWritten);
            },
            cancellationToken);
        Failpoint.Hit(EdgeFailpoints.TwinCommitted);
        _outbox.Notify();
    }

    private void Publish(IReadOnlyList<Answer> answers)
    {
        foreach (var answer in answers)
        {
            _mqtt.Publish(answer.Kind, answer.Topic, answer.Payload);
        }
    }

    private void Converge(IReadOnlyList<DeviceId> devices, TwinBatch batch, DeviceRequests requests)
    {
        List<MemberDevice> added = [];
        List<MemberDevice> removed = [];
        foreach (var id in devices)
        {
            var before = batch.Get(id);
            var stored = _metaManager.Get(new ObjectKey(id.Namespace, ResourceTypes.Device, id.Name));
            if (stored is null)
            {
                if (before is not null)
                {
                    batch.Remove(id);
                    removed.Add(DeviceRequests.Member(before));
                    LogRemoved(id);
                }

                continue;
            }

            try
            {
                var device = stored.View(KubernetesJson.Default.Device);
                ConvergeOne(id, before, device, ModelOf(device), batch, requests);
            }
            catch (KubeObjectException e)
            {
                LogBroken(id, e.Message);
                continue;
            }

            if (before?.Uid != stored.Uid)
            {
                added.Add(DeviceRequests.Member(batch.Get(id)!));
                if (before is not null)
                {
                    removed.Add(DeviceRequests.Member(before));
                }
            }
        }

        if (added.Count + removed.Count > 0)
        {
            requests.AnnounceMembership(added, removed);
        }
    }

    private void ConvergeOne(
        DeviceId id, TwinDocument? before, Device device, DeviceModel? model, TwinBatch batch, DeviceRequests requests)
    {
        TwinDocument document;
        if (before is not null && before.Uid == device.Metadata.Uid)
        {
            document = CloudTwin.Describe(before, device, model);
            batch.Describe(document);
        }
        else
        {
            document = CloudTwin.Begin(device, model, knownOther: before is not null) with { Origin = Guid.NewGuid().ToString("N")[..16] };
            batch.Begin(document);
            LogAdded(id, document.Uid, document.Properties.Count);
        }

        var outcome = CloudTwin.ApplyDesired(document, device, requests.Now, out var problems);
        foreach (var problem in problems)
        {
            LogBadDesired(id, problem);
        }

        if (outcome.Changed.Count > 0)
        {
            batch.Apply(outcome);
            requests.Announce(outcome);
        }
    }

    private DeviceModel? ModelOf(Device device)
    {
        var name = device.Spec.DeviceModelRef?.Name;
        return string.IsNullOrEmpty(name)
            ? null
            : _metaManager.Get(new ObjectKey(device.Metadata.Namespace ?? "", ResourceTypes.DeviceModel, name))?.View(KubernetesJson.Default.DeviceModel);
    }

    /// <summary>A model is one of few and changes seldom: every device of its namespace is looked at.</summary>
    private DeviceId[] DevicesIn(string ns) =>
        [.. _metaManager.List(ResourceTypes.Device).Where(d => d.Namespace == ns).Select(d => new DeviceId(ns, d.Name))];

    private void MarkDirty(IReadOnlyList<DeviceId> devices)
    {
        lock (_gate)
        {
            _dirty.UnionWith(devices);
        }

        _wake.Writer.TryWrite(true);
    }

    private List<DeviceId> TakeDirty()
    {
        lock (_gate)
        {
            var taken = _dirty;
            _dirty = [];
            return [.. taken];
        }
    }

    [LoggerMessage(LogLevel.Information, "Device {Device} is on this node (uid {Uid}), {Properties} reported properties taken over from the cloud")]
    private partial void LogAdded(DeviceId device, string uid, int properties);

    [LoggerMessage(LogLevel.Information, "Device {Device} is no longer on this node; its twin is removed")]
    private partial void LogRemoved(DeviceId device);

    [LoggerMessage(LogLevel.Warning, "Device {Device} from the cloud cannot be read: {Reason}")]
    private partial void LogBroken(DeviceId device, string reason);

    [LoggerMessage(LogLevel.Warning, "Device {Device}: a desired value from the cloud was not taken over: {Reason}")]
    private partial void LogBadDesired(DeviceId device, string reason);

    [LoggerMessage(LogLevel.Error, "Changed devices could not be stored; trying again")]
    private partial void LogNotStored(Exception error);
}
