using System.Text;
using EdgeSync.EdgeCore.DeviceTwin;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EventBus;

/// <summary>
/// Takes what devices and apps publish on the box's MQTT broker: device messages go to DeviceTwin, all else to the
/// cloud's router. Both are durable before the broker hears that they were received.
/// </summary>
/// <param name="mqtt">The broker.</param>
/// <param name="twins">Where device messages go.</param>
/// <param name="outbox">Where routed messages go.</param>
/// <param name="devicesKnown">Before it completes nothing is taken from the broker: a message of a device that is not known yet would be refused.</param>
/// <param name="logger">The log.</param>
internal sealed partial class EventBus(
    IMqttClient mqtt, DeviceTwin.DeviceTwin twins, Outbox outbox, Task devicesKnown, ILogger<EventBus> logger) : BackgroundService
{
    /// <summary>KubeEdge's topics for routed messages.</summary>
    private static readonly string[] s_routed = ["$hw/events/upload/#", "SYS/dis/upload_records", "+/user/#"];

    private readonly ILogger _logger = logger;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await devicesKnown.WaitAsync(stoppingToken);
        await mqtt.RunAsync([.. DeviceTopics.Subscriptions, .. s_routed], HandleAsync, stoppingToken);
    }

    private Task HandleAsync(IReadOnlyList<MqttMessage> messages, CancellationToken cancellationToken)
    {
        var device = new List<MqttMessage>(messages.Count);
        var upstream = new List<UpstreamMessage>();
        var tooLong = 0;
        foreach (var message in messages)
        {
            if (DeviceTopics.IsOwn(message.Topic))
            {
                device.Add(message);
            }
            else if (message.TooLong > 0)
            {
                tooLong++;
                LogTooLong(message.Topic, message.TooLong);
            }
            else
            {
                upstream.Add(Upload(message));
            }
        }

        return twins.HandleAsync(device, upstream.Count + tooLong == 0 ? null : session => Store(session, upstream, tooLong), cancellationToken);
    }

    private void Store(SqlSession session, List<UpstreamMessage> messages, int tooLong)
    {
        if (tooLong > 0)
        {
            outbox.CountDropped(session, OutboxKind.Routed, tooLong);
        }

        var dropped = messages.Sum(message => outbox.Put(session, message));
        if (dropped > 0)
        {
            LogDropped(dropped);
        }
    }

    /// <summary>The router expects the payload as a string; bytes that are not UTF-8 become U+FFFD there, as in KubeEdge.</summary>
    private static UpstreamMessage Upload(MqttMessage message) => new(
        "bus/" + message.Topic, Lane.Bulk, true, Sources.Bus, Groups.User, Operations.Upload, message.Topic,
        TwinReports.JsonText(Encoding.UTF8.GetString(message.Payload.Span)));

    [LoggerMessage(LogLevel.Warning, "A message on {Topic} has {Length} bytes, more than can be sent to the cloud; it is dropped")]
    private partial void LogTooLong(string topic, int length);

    [LoggerMessage(LogLevel.Warning, "More messages wait for the cloud's router than may be kept; the oldest {Dropped} are dropped")]
    private partial void LogDropped(int dropped);
}
