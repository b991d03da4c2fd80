using System.Net.Sockets;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>
/// Keeps one connection to the broker for as long as it runs. The session at the broker is persistent, so QoS 1
/// messages that were published while this client was away are delivered when it is back.
/// </summary>
internal sealed partial class MqttClient(MqttOptions options, TimeProvider time, ILogger<MqttClient> logger) : IMqttClient
{
    private static readonly TimeSpan s_dropLogInterval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_lasting = TimeSpan.FromSeconds(5);

    private readonly OutgoingQueue _outgoing = new(options);
    private readonly RedeliveryFilter _redelivery = new();
    private readonly ILogger _logger = logger;
    private volatile MqttConnection? _connection;
    private bool _accepted; // the last attempt got as far as a CONNACK and its messages could be handled
    private long _loggedDrop; // a TimeProvider timestamp

    public bool IsConnected => _connection?.IsSubscribed == true;

    /// <summary>Messages that a full outgoing queue dropped so far.</summary>
    public long Dropped(PublishKind kind) => _outgoing.Dropped(kind);

    public void Publish(PublishKind kind, string topic, ReadOnlyMemory<byte> payload)
    {
        if (!_outgoing.Add(kind, topic, payload) && time.GetElapsedTime(Interlocked.Read(ref _loggedDrop)) > s_dropLogInterval)
        {
            Interlocked.Exchange(ref _loggedDrop, time.GetTimestamp());
            LogDropping(Dropped(PublishKind.Document), Dropped(PublishKind.Result), Dropped(PublishKind.Delta));
        }

        _connection?.Wake();
    }

    public async Task RunAsync(IReadOnlyList<string> topics, MqttHandler handler, CancellationToken cancellationToken)
    {
        var backoff = new Backoff(options.MinBackoff, options.MaxBackoff);
        var failures = 0;
        while (true)
        {
            var began = time.GetTimestamp();
            try
            {
                await RunOnceAsync(topics, handler, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or SocketException or TimeoutException or MqttProtocolException)
            {
                LogLost(options.Host, options.Port, e.Message);
            }
            catch (Exception e)
            {
                // the handler failed: nothing was acknowledged, the broker delivers again
                _accepted = false;
                LogHandlerFailed(e);
            }

            // two clients of one name end each other's connections: one that lives shortly is no success
            failures = _accepted && time.GetElapsedTime(began) > s_lasting ? 1 : failures + 1;
            _accepted = false;
            try
            {
                await Task.Delay(backoff.After(failures), time, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task RunOnceAsync(IReadOnlyList<string> topics, MqttHandler handler, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await ConnectAsync(socket, cancellationToken);
        await using var stream = new NetworkStream(socket, ownsSocket: false);
        var connection = new MqttConnection(stream, options, _outgoing, _redelivery, time);
        try
        {
            await connection.RunAsync(topics, handler, Accepted, cancellationToken);
        }
        finally
        {
            _connection = null;
        }

        void Accepted(bool sessionPresent)
        {
            _accepted = true;
            _connection = connection;
            LogConnected(options.Host, options.Port, sessionPresent);
        }
    }

    private async Task ConnectAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.OperationTimeout);
        try
        {
            await socket.ConnectAsync(options.Host, options.Port, timeout.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no TCP connection within {options.OperationTimeout.TotalSeconds:0} s");
        }
    }

    [LoggerMessage(LogLevel.Information, "Connected to the MQTT broker {Host}:{Port}; session kept: {SessionPresent}")]
    private partial void LogConnected(string host, int port, bool sessionPresent);

    [LoggerMessage(LogLevel.Warning, "No connection to the MQTT broker {Host}:{Port}: {Reason}; trying again")]
    private partial void LogLost(string host, int port, string reason);

    [LoggerMessage(LogLevel.Error, "Device messages could not be stored; they are not acknowledged and will be delivered again")]
    private partial void LogHandlerFailed(Exception error);

    [LoggerMessage(LogLevel.Warning, "Too many MQTT messages wait for the broker; dropped so far: {Documents} documents, {Results} results, {Deltas} deltas")]
    private partial void LogDropping(long documents, long results, long deltas);
}
