using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>
/// Answers device messages against one <see cref="TwinBatch"/>, in their order. Answers are collected and go out
/// after the batch is on disk. Lives for one turn.
/// </summary>
internal sealed class DeviceRequests(TwinBatch batch, string nodeName, long now)
{
    private const int BadRequest = 400;
    private const int NotFound = 404;
    private const int NotStored = 500;

    private readonly List<Answer> _answers = [];
    private readonly List<(DeviceId Id, string Verb, string EventId)> _writes = [];

    /// <summary>When this turn began, Unix milliseconds.</summary>
    public long Now => now;

    /// <summary>Property updates and states that were accepted.</summary>
    public int Accepted { get; private set; }

    /// <summary>Messages that were answered with an error, or that nobody understands.</summary>
    public int Refused { get; private set; }

    public IReadOnlyList<Answer> Answers => _answers;

    public void Handle(MqttMessage message)
    {
        if (!DeviceTopics.TryReadDevice(message.Topic, out var id, out var verb))
        {
            // several nodes may share a broker: each answers for itself
            if (message.Topic == DeviceTopics.Node(nodeName, DeviceTopics.MembershipGet))
            {
                GetMembership(message);
            }

            return;
        }

        switch (verb)
        {
            case DeviceTopics.TwinUpdate:
                Update(id, verb, message, TwinRules.Update);
                break;
            case DeviceTopics.TwinCloudUpdated:
                Update(id, DeviceTopics.TwinUpdate, message, TwinRules.Synchronize);
                break;
            case DeviceTopics.TwinGet:
                Get(id, message);
                break;
            case DeviceTopics.StateUpdate:
                UpdateState(id, message);
                break;
            default:
                Refused++;
                break;
        }
    }

    /// <summary>Desired values that changed in the cloud: apps see the change and what is to be done.</summary>
    public void Announce(TwinOutcome outcome)
    {
        PublishDocument(outcome, "");
        PublishDelta(outcome.Document, "");
    }

    /// <summary>Devices that came to this node or left it.</summary>
    public void AnnounceMembership(IReadOnlyList<MemberDevice> added, IReadOnlyList<MemberDevice> removed) => Publish(
        PublishKind.Delta,
        DeviceTopics.Node(nodeName, "membership/updated"),
        new MembershipUpdate
        {
            EventId = Guid.NewGuid().ToString(),
            Timestamp = now,
            AddedDevices = added.Count == 0 ? null : added,
            RemovedDevices = removed.Count == 0 ? null : removed,
        },
        DeviceCodec.Json.MembershipUpdate);

    /// <summary>The answers to give where the batch could not be stored.</summary>
    public IReadOnlyList<Answer> NotStoredAnswers(string cause)
    {
        _answers.Clear();
        foreach (var (id, verb, eventId) in _writes)
        {
            Refuse(id, verb, eventId, NotStored, $"the update could not be stored ({cause}); with QoS 1 it stays at the broker and is tried again");
        }

        return _answers;
    }

    public static MemberDevice Member(TwinDocument document) => new()
    {
        Id = document.Id.ToString(),
        Name = document.Id.Name,
        Description = document.Description,
        State = document.State.Length == 0 ? null : document.State,
        LastOnline = document.LastOnline == 0 ? null : KubeTime.Format(DateTimeOffset.FromUnixTimeMilliseconds(document.LastOnline)),
    };

    private void Update(
        DeviceId id, string verb, MqttMessage message, Func<TwinDocument, IReadOnlyDictionary<string, MsgTwin?>?, long, TwinOutcome> rule)
    {
        if (Read(id, verb, message, DeviceCodec.Json.TwinMessage) is not ({ } request, { } document))
        {
            return;
        }

        var eventId = request.EventId ?? "";
        var outcome = rule(document, request.Twin, now);
        if (outcome.Error is not null)
        {
            Refuse(id, verb, eventId, BadRequest, outcome.Error);
            return;
        }

        Accepted++;
        batch.Apply(outcome);
        _writes.Add((id, verb, eventId));
        var written = outcome.Changed.ToDictionary(c => c.Name, c => Written(c.After, request.Twin![c.Name]));
        Publish(
            PublishKind.Result,
            DeviceTopics.Device(id, "twin/update/result"),
            new TwinMessage { EventId = eventId, Timestamp = now, Twin = written },
            DeviceCodec.Json.TwinMessage);
        PublishDocument(outcome, eventId);
        PublishDelta(outcome.Document, eventId);
    }

    /// <summary>The sides of a property that the request wrote.</summary>
    private static MsgTwin? Written(TwinEntry after, MsgTwin? request) => after.IsDeleted ? null : after.ToMessage(withVersions: false) with
    {
        Expected = request?.Expected?.Value is null ? null : after.Expected.ToMessage(),
        Actual = request?.Actual?.Value is null ? null : after.Actual.ToMessage(),
    };

    private void PublishDocument(TwinOutcome outcome, string eventId) => Publish(
        PublishKind.Document,
        DeviceTopics.Device(outcome.Document.Id, "twin/update/document"),
        new TwinChanges
        {
            EventId = eventId,
            Timestamp = now,
            Twin = outcome.Changed.ToDictionary(c => c.Name, c => new TwinChangeDocument
            {
                Last = c.Before?.ToMessage(withVersions: true),
                Current = c.After.IsDeleted ? null : c.After.ToMessage(withVersions: true),
            }),
        },
        DeviceCodec.Json.TwinChanges);

    private void PublishDelta(TwinDocument document, string eventId)
    {
        if (TwinRules.Delta(document, eventId, now) is { } delta)
        {
            Publish(PublishKind.Delta, DeviceTopics.Device(document.Id, "twin/update/delta"), delta, DeviceCodec.Json.TwinDelta);
        }
    }

    private void Get(DeviceId id, MqttMessage message)
    {
        if (Read(id, DeviceTopics.TwinGet, message, DeviceCodec.Json.EmptyRequest) is ({ } request, { } document))
        {
            Publish(
                PublishKind.Result,
                DeviceTopics.Device(id, "twin/get/result"),
                new TwinMessage { EventId = request.EventId, Timestamp = now, Twin = document.ToMessage() },
                DeviceCodec.Json.TwinMessage);
        }
    }

    private void UpdateState(DeviceId id, MqttMessage message)
    {
        if (Read(id, DeviceTopics.StateUpdate, message, DeviceCodec.Json.StateUpdate) is not ({ } request, { } document))
        {
            return;
        }

        var eventId = request.EventId ?? "";
        var state = request.State?.ToLowerInvariant();
        if (state is null || !TwinRules.States.Contains(state))
        {
            Refuse(id, DeviceTopics.StateUpdate, eventId, BadRequest, $"member state must be one of {string.Join(", ", TwinRules.States)}");
            return;
        }

        Accepted++;
        var isOnline = state is "online" or "ok";
        var report = new StateReport
        {
            Timestamp = now,
            Device = new DeviceState
            {
                Name = id.Name,
                State = request.State!,
                LastOnlineTime = isOnline ? KubeTime.Format(DateTimeOffset.FromUnixTimeMilliseconds(now)) : "",
            },
        };
        batch.ApplyState(document with { State = request.State!, LastOnline = isOnline ? now : document.LastOnline }, report);
        _writes.Add((id, DeviceTopics.StateUpdate, eventId));
        Publish(
            PublishKind.Result, DeviceTopics.Device(id, "state/update/result"), report with { EventId = eventId }, DeviceCodec.Json.StateReport);
    }

    private void GetMembership(MqttMessage message)
    {
        var request = DeviceCodec.TryRead(message.Payload.Span, DeviceCodec.Json.EmptyRequest, out var reason);
        var topic = DeviceTopics.Node(nodeName, "membership/get/result");
        if (request is null)
        {
            Refused++;
            Publish(PublishKind.Result, topic, new Result { Timestamp = now, Code = BadRequest, Reason = reason }, DeviceCodec.Json.Result);
            return;
        }

        var devices = batch.All().Values.OrderBy(d => d.Id.ToString(), StringComparer.Ordinal).Select(Member).ToList();
        Publish(
            PublishKind.Result, topic, new MembershipList { EventId = request.EventId, Timestamp = now, Devices = devices },
            DeviceCodec.Json.MembershipList);
    }

    /// <summary>The request and the twin that it is about; where one is missing the error has been answered.</summary>
    private (T? Request, TwinDocument? Document) Read<T>(DeviceId id, string verb, MqttMessage message, JsonTypeInfo<T> type)
        where T : BaseMessage
    {
        var length = message.TooLong > 0 ? message.TooLong : message.Payload.Length;
        if (length > TwinLimits.MaxPayloadBytes)
        {
            Refuse(id, verb, "", BadRequest, $"the payload has {length} bytes, more than {TwinLimits.MaxPayloadBytes}; send fewer properties in one message");
            return default;
        }

        var request = DeviceCodec.TryRead(message.Payload.Span, type, out var reason);
        if (request is null)
        {
            Refuse(id, verb, "", BadRequest, reason);
            return default;
        }

        var document = batch.Get(id);
        if (document is null)
        {
            Refuse(
                id, verb, request.EventId ?? "", NotFound,
                $"device {id} is not known on node {nodeName}; create a Device with that namespace and name and spec.nodeName {nodeName}, or check the topic");
        }

        return (request, document);
    }

    private void Refuse(DeviceId id, string verb, string eventId, int code, string reason)
    {
        Refused++;
        Publish(
            PublishKind.Result, DeviceTopics.Device(id, verb + "/result"),
            new Result { EventId = eventId, Timestamp = now, Code = code, Reason = reason }, DeviceCodec.Json.Result);
    }

    private void Publish<T>(PublishKind kind, string topic, T message, JsonTypeInfo<T> type) =>
        _answers.Add(new Answer(kind, topic, JsonSerializer.SerializeToUtf8Bytes(message, type)));
}

/// <summary>A message to publish once the batch that it answers is stored.</summary>
internal readonly record struct Answer(PublishKind Kind, string Topic, byte[] Payload);
