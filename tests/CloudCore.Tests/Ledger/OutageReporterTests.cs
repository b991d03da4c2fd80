using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.Protocol.Sync;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;

namespace EdgeSync.CloudCore.Tests.Ledger;

/// <summary>Against the embedded API, with a clock that the test moves.</summary>
public sealed class OutageReporterTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SteppedTime _time = new();
    private readonly Lines _log = new();
    private ApiHost _host = null!;
    private Gate _way = null!;
    private KubeClient _api = null!;
    private OutageReporter _reporter = null!;
    private int _nodes;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync();
        var config = KubeConfig.Load(_host.WriteKubeconfig(_folder.Path));
        _way = new Gate(KubeTransport.Create(config, TimeProvider.System));
        _api = new KubeClient(_way, config.Server, TimeProvider.System);
        _reporter = new OutageReporter(_api, _time, _log);
        await _reporter.StartAsync(default);
    }

    public async Task DisposeAsync()
    {
        await _reporter.StopAsync(default);
        await _host.DisposeAsync();
    }

    public void Dispose()
    {
        _reporter.Dispose();
        _api.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Of_a_fleet_that_comes_back_at_once_twenty_are_told_and_then_one_each_three_seconds()
    {
        await ComeBackAsync(500, told: 20);
        Assert.Equal(20, (await _api.ListAsync(ApiResources.Events, "default", new ListOptions(), default)).Items.Count);
        Assert.Equal(20, _log.Count("is back and in sync"));

        // the rest is not told one by one, and not forgotten either
        await Eventually.HoldsAsync("the rest is told in few lines", () => Task.FromResult(_log.Count("more nodes came back") is >= 1 and <= 5));
        Assert.Equal(500, _reporter.Totals.Ended);
        Assert.Equal(1000, _reporter.Totals.Applied);

        _time.Advance(TimeSpan.FromSeconds(2.9));
        await ComeBackAsync(1, told: 0);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await ComeBackAsync(2, told: 1);
        _time.Advance(TimeSpan.FromSeconds(9));
        await ComeBackAsync(10, told: 3);
        _time.Advance(TimeSpan.FromDays(1));
        await ComeBackAsync(100, told: 20);
    }

    [Fact]
    public async Task A_node_that_comes_back_again_and_again_has_one_event_whose_count_grows()
    {
        var record = Record("edge-1");
        for (var i = 1; i <= 3; i++)
        {
            _reporter.Offer(Outage(record));
            await Eventually.HoldsAsync("it is told", () => Task.FromResult(_reporter.Totals.Events == i));
        }

        var told = Assert.Single((await _api.ListAsync(ApiResources.Events, "default", new ListOptions(), default)).Items);
        Assert.Contains("\"count\":3", System.Text.Encoding.UTF8.GetString(told.Json.Span), StringComparison.Ordinal);
    }

    /// <summary>So many nodes at once, of which that many are told and the others counted.</summary>
    private async Task ComeBackAsync(int nodes, int told)
    {
        var (events, leftOut) = (_reporter.Totals.Events, _reporter.Totals.LeftOut);

        // the first of them is not told before the last one is back
        _way.Close();
        for (var i = 0; i < nodes; i++)
        {
            _reporter.Offer(Outage(Record($"edge-{_nodes++}")));
        }

        _way.Open();

        await Eventually.HoldsAsync(
            "all are told or counted", () => Task.FromResult(_reporter.Totals.Events + _reporter.Totals.LeftOut == events + leftOut + nodes));
        Assert.Equal((told, nodes - told), (_reporter.Totals.Events - events, _reporter.Totals.LeftOut - leftOut));
    }

    private static NodeRecord Record(string node)
    {
        var record = new NodeRecord(node, new LedgerTotals());
        record.Reported(new EdgeReport()); // its own figures are not waited for
        return record;
    }

    private EndedOutage Outage(NodeRecord record)
    {
        var now = _time.GetUtcNow();
        return new EndedOutage(record, new Outage(now.AddMinutes(-5), now, new Dictionary<string, int>()), 2, 0, now);
    }

    private sealed class SteppedTime : TimeProvider
    {
        private long _ticks = DateTimeOffset.UtcNow.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);

        public override DateTimeOffset GetUtcNow() => new(GetTimestamp(), TimeSpan.Zero);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
    }

    /// <summary>The way to the API, on which requests wait while it is closed.</summary>
    private sealed class Gate(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        private volatile TaskCompletionSource? _closed;

        public void Close() => _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open() => Interlocked.Exchange(ref _closed, null)?.SetResult();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await (_closed?.Task ?? Task.CompletedTask).WaitAsync(cancellationToken);
            return await base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class Lines : ILogger<OutageReporter>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public int Count(string part) => _lines.Count(l => l.Contains(part, StringComparison.Ordinal));

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));
    }
}
