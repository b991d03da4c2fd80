using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>One world for many points: made for the first, and anew after a failure.</summary>
public sealed class FailpointWorld : IAsyncLifetime
{
    private FaultRun? _run;

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => DropAsync();

    internal async Task<FaultRun> GetAsync(ITestOutputHelper output)
    {
        _run ??= await FaultRun.StartAsync(new Notes(output), Environment.TickCount);
        return _run;
    }

    internal async Task DropAsync()
    {
        if (_run is { } run)
        {
            _run = null;
            await run.DisposeAsync();
        }
    }

    /// <summary>A world outlives the test that made it, whose output is closed then.</summary>
    private sealed class Notes(ITestOutputHelper output) : ITestOutputHelper
    {
        public void WriteLine(string message)
        {
            try
            {
                output.WriteLine(message);
            }
            catch (InvalidOperationException)
            {
                // that test is over
            }
        }

        public void WriteLine(string format, params object[] args) =>
            WriteLine(string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args));
    }
}
