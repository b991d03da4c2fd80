using System.Diagnostics;
using System.Globalization;

namespace EdgeSync.Benchmarks;

/// <summary>A mosquitto_pub that stays connected and publishes each line that it is given.</summary>
internal sealed class Mapper : IAsyncDisposable
{
    private readonly Process _process;

    private Mapper(Process process) => _process = process;

    public static Mapper Start(int port, string topic)
    {
        var start = new ProcessStartInfo(
            "mosquitto_pub",
            ["-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-q", "1", "-t", topic, "-l"])
        {
            RedirectStandardInput = true,
        };
        return new Mapper(Process.Start(start) ?? throw new InvalidOperationException("mosquitto_pub did not start"));
    }

    public async Task PublishAsync(string payload)
    {
        await _process.StandardInput.WriteLineAsync(payload);
        await _process.StandardInput.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
        _process.Dispose();
    }
}
