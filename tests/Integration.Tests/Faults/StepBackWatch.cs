using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// Watches the Devices all the time and holds every reported value against the one before it: numbers that only grow were
/// published, so a smaller one is an old one that came back.
/// </summary>
internal sealed class StepBackWatch : IAsyncDisposable
{
    private readonly FaultApi _api;
    private readonly CancellationTokenSource _ending = new();
    private readonly Dictionary<(string Device, string Property), long> _last = [];
    private readonly ConcurrentQueue<string> _found = new();
    private readonly Task _watching;
    private int _seen;

    public StepBackWatch(FaultApi api)
    {
        _api = api;
        _watching = WatchAsync(_ending.Token);
    }

    /// <summary>Each value that was older than one seen before it.</summary>
    public IReadOnlyList<string> Found => [.. _found];

    /// <summary>Values looked at.</summary>
    public int Seen => _seen;

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _watching;
        _ending.Dispose();
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var (items, version) = await _api.ListAsync("devices");
                items.ToList().ForEach(Look);
                await foreach (var line in _api.WatchAsync("devices", version, cancellationToken))
                {
                    if (line["object"] is JsonObject device && (string?)line["type"] is "ADDED" or "MODIFIED")
                    {
                        Look((JsonObject)line["object"]!);
                    }
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or SocketException)
            {
                // the API is away, or the test is over; a list follows
                await Task.Delay(100, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Look(JsonObject device)
    {
        var name = (string)device["metadata"]!["name"]!;
        foreach (var (property, value) in Reported(device))
        {
            _seen++;
            if (_last.TryGetValue((name, property), out var before) && value < before)
            {
                _found.Enqueue($"{name} {property}: {value} after {before}");
            }

            _last[(name, property)] = value;
        }
    }

    /// <summary>The numbers that a Device's status holds.</summary>
    internal static IEnumerable<(string Property, long Value)> Reported(JsonNode device)
    {
        foreach (var twin in device["status"]?["twins"]?.AsArray() ?? [])
        {
            if (long.TryParse((string?)twin?["reported"]?["value"], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                yield return ((string)twin!["propertyName"]!, value);
            }
        }
    }
}
