using System.Text;
using EdgeSync.EdgeCore.DeviceTwin;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EventBus;

/// <summary>
/// Takes what devices and apps publish on the box's MQTT broker: device messages go to DeviceTwin, all else to the
/// cloud's router. Both are durable before the broker hears that they were received.
/// </summary>
internal sealed partial class EventBus(IMqttClient mqtt, DeviceTwin.DeviceTwin twins, ILogger<EventBus> logger) : BackgroundService
{
    /// <summary>KubeEdge's topics for routed messages.</summary>
    private static readonly string[] s_routed = ["$hw/events/upload/#", "SYS/dis/upload_records", "+/user/#"];

    private readonly ILogger _logger = logger;
    private long _lost;

    /// <summary>Routed messages that could not be taken since the start (too long).</summary>
    public long Lost => Interlocked.Read(ref _lost);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        mqtt.RunAsync([.. DeviceTopics.Subscriptions, .. s_routed], HandleAsync, stoppingToken);

    private Task HandleAsync(IReadOnlyList<MqttMessage> messages, CancellationToken cancellationToken)
    {
        var device = new List<MqttMessage>(messages.Count);
        var upstream = new List<UpstreamMessage>();
        foreach (var message in messages)
        {
            if (DeviceTopics.IsOwn(message.Topic))
            {
                device.Add(message);
            }
            else if (message.TooLong > 0)
            {
                Interlocked.Increment(ref _lost);
                LogTooLong(message.Topic, message.TooLong);
            }
            else
            {
                upstream.Add(Upload(message));
            }
        }

        return twins.HandleAsync(device, upstream, cancellationToken);
    }

    /// <summary>The router expects the payload as a string; bytes that are not UTF-8 become U+FFFD there, as in KubeEdge.</summary>
    private static UpstreamMessage Upload(MqttMessage message) => new(
        "bus/" + message.Topic, Lane.Bulk, true, Sources.Bus, Groups.User, Operations.Upload, message.Topic,
        TwinReports.JsonText(Encoding.UTF8.GetString(message.Payload.Span)));

    [LoggerMessage(LogLevel.Warning, "A message on {Topic} has {Length} bytes, more than can be sent to the cloud; it is dropped")]
    private partial void LogTooLong(string topic, int length);
}
