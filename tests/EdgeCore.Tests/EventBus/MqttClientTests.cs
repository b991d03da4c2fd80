using System.Collections.Concurrent;
using System.Text;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.EventBus;

/// <summary>The client against a broker that misbehaves.</summary>
public sealed class MqttClientTests : IDisposable
{
    private readonly ScriptedBroker _broker = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Lines _log = new();
    private Task _running = Task.CompletedTask;

    public void Dispose()
    {
        _stop.Cancel();
        _running.Wait(Eventually.DefaultDeadline);
        _stop.Dispose();
        _broker.Dispose();
    }

    [Fact]
    public async Task A_message_is_acknowledged_only_after_the_handler_has_finished_and_in_order()
    {
        var release = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        var client = Run(async messages =>
        {
            begun.TrySetResult();
            await release.Task;
        });
        using var peer = await _broker.AcceptAsync(ScriptedBroker.Accepted);
        for (ushort id = 1; id <= 5; id++)
        {
            await peer.SendAsync(ScriptedBroker.Publish(id, "t", $"{id}"));
        }

        await begun.Task.WaitAsync(Eventually.DefaultDeadline);

        // what is published now leaves after the acknowledgements that are due: there are none
        client.Publish(PublishKind.Result, "r", "after them"u8.ToArray());
        MqttPacketType type;
        do
        {
            (type, _) = await peer.ReadAsync();
            Assert.NotEqual(MqttPacketType.PubAck, type);
        }
        while (type != MqttPacketType.Publish);
        release.SetResult();
        for (var id = 1; id <= 5; id++)
        {
            Assert.Equal([0, (byte)id], await peer.ReadAsync(MqttPacketType.PubAck));
        }
    }

    [Fact]
    public async Task Where_the_handler_fails_nothing_is_acknowledged_and_the_broker_gets_to_deliver_again()
    {
        var attempts = 0;
        Run(_ => ++attempts == 1 ? throw new InvalidOperationException("disk full") : Task.CompletedTask);
        using (var first = await _broker.AcceptAsync(ScriptedBroker.Accepted, ScriptedBroker.Publish(1, "t", "x")))
        {
            await first.ClosedAsync();
        }

        using var second = await _broker.AcceptAsync(ScriptedBroker.AcceptedWithSession, ScriptedBroker.Publish(1, "t", "x", again: true));
        Assert.Equal([0, 1], await second.ReadAsync(MqttPacketType.PubAck));
        Assert.Contains(_log.All, l => l.Contains("not acknowledged", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_handled_but_whose_acknowledgement_was_lost_is_not_handled_twice()
    {
        var handled = new ConcurrentQueue<string>();
        Run(messages =>
        {
            foreach (var message in messages)
            {
                handled.Enqueue(Encoding.UTF8.GetString(message.Payload.Span));
            }

            return Task.CompletedTask;
        });
        using (var first = await _broker.AcceptAsync(
            ScriptedBroker.Accepted, ScriptedBroker.Publish(1, "t", "a"), ScriptedBroker.Publish(2, "t", "b")))
        {
            await first.ReadAsync(MqttPacketType.PubAck);
        }

        using var second = await _broker.AcceptAsync(
            ScriptedBroker.AcceptedWithSession,
            ScriptedBroker.Publish(1, "t", "a", again: true),
            ScriptedBroker.Publish(2, "t", "b", again: true),
            ScriptedBroker.Publish(3, "t", "never arrived", again: true),
            ScriptedBroker.Publish(1, "t", "a"));
        for (var i = 0; i < 4; i++)
        {
            await second.ReadAsync(MqttPacketType.PubAck);
        }

        Assert.Equal(["a", "b", "never arrived", "a"], handled);
    }

    [Theory]
    [InlineData("30ff ffff ffff", "more than four bytes")]
    [InlineData("3402 0001", "QoS 2")]
    [InlineData("1000", "unexpected packet of type 1")]
    [InlineData("9003 0001 80", "refused a subscription")]
    public async Task A_malformed_packet_closes_the_connection_with_one_line_in_the_log_and_the_next_one_works(string hex, string words)
    {
        Run(_ => Task.CompletedTask);
        using (var peer = await _broker.AcceptAsync(ScriptedBroker.Accepted, Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal))))
        {
            await peer.ClosedAsync();
        }

        using var next = await _broker.AcceptAsync(ScriptedBroker.Accepted, ScriptedBroker.Publish(9, "t", "x"));
        Assert.Equal([0, 9], await next.ReadAsync(MqttPacketType.PubAck));
        Assert.Contains(words, Assert.Single(_log.All, l => l.Contains("No connection", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_connected_when_the_broker_has_confirmed_the_subscriptions_and_not_before()
    {
        var client = Run(_ => Task.CompletedTask);
        using var peer = await _broker.AcceptAsync(ScriptedBroker.Accepted);
        var id = (await peer.ReadAsync(MqttPacketType.Subscribe))[..2];
        Assert.False(client.IsConnected);

        await peer.SendAsync([0x90, 3, .. id, 1]);

        await Eventually.HoldsAsync("it is connected", () => client.IsConnected);
    }

    [Fact]
    public async Task A_broker_that_falls_silent_is_given_up()
    {
        Run(_ => Task.CompletedTask, TimeSpan.FromSeconds(1));
        using var silent = await _broker.AcceptAsync(ScriptedBroker.Accepted, [0x90, 3, 0, 1, 1]);
        await silent.ClosedAsync();
        await Eventually.HoldsAsync("the log says so", () => _log.All.Any(l => l.Contains("nothing heard from the broker", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_refusal_says_which_setting_to_mend()
    {
        Run(_ => Task.CompletedTask);
        using var peer = await _broker.AcceptAsync([0x20, 2, 0, 4]);
        await peer.ClosedAsync();
        await Eventually.HoldsAsync("the log says so", () => _log.All.Any(l => l.Contains("modules.eventBus.mqttUsername", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_the_broker_did_not_confirm_is_published_again_on_the_next_connection()
    {
        var client = Run(_ => Task.CompletedTask);
        byte[] sent;
        using (var first = await _broker.AcceptAsync(ScriptedBroker.Accepted))
        {
            client.Publish(PublishKind.Result, "r", "one"u8.ToArray());
            sent = await first.ReadAsync(MqttPacketType.Publish);
        }

        using var second = await _broker.AcceptAsync(ScriptedBroker.AcceptedWithSession);
        Assert.Equal(sent, await second.ReadAsync(MqttPacketType.Publish));
    }

    [Theory]
    [InlineData("127.0.0.1:1883")]
    [InlineData("http://127.0.0.1:1883")]
    [InlineData("")]
    public void A_broker_address_that_cannot_be_used_is_named_with_its_setting(string address)
    {
        var config = new EdgeCoreConfig { Modules = new ModulesSection { EventBus = new EventBusSection { MqttServerExternal = address } } };
        Assert.Contains("modules.eventBus.mqttServerExternal", Assert.Throws<FormatException>(() => MqttOptions.From(config)).Message, StringComparison.Ordinal);
    }

    /// <param name="handler">What becomes of the messages.</param>
    /// <param name="keepAlive">After how much silence the broker is given up, which answers no ping; null for so long that no test meets it.</param>
    private MqttClient Run(Func<IReadOnlyList<MqttMessage>, Task> handler, TimeSpan? keepAlive = null)
    {
        var client = new MqttClient(_broker.Options with { KeepAlive = keepAlive ?? TimeSpan.FromMinutes(5) }, TimeProvider.System, _log);
        _running = client.RunAsync(["t"], (messages, _) => handler(messages), _stop.Token);
        return client;
    }

    private sealed class Lines : ILogger<MqttClient>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyList<string> All => [.. _lines];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));
    }
}
