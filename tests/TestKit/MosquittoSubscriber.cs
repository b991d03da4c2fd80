using System.Collections.Immutable;
using System.Diagnostics;

namespace EdgeSync.TestKit;

/// <summary>A running mosquitto_sub and what it has received, in order. Payloads must be of one line.</summary>
public sealed class MosquittoSubscriber : IDisposable
{
    private readonly Process _process;
    private ImmutableList<(string Topic, string Payload)> _messages = [];

    internal MosquittoSubscriber(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.Split(' ', 2) is [var topic, var payload])
            {
                ImmutableInterlocked.Update(ref _messages, list => list.Add((topic, payload)));
            }
        };
        process.BeginOutputReadLine();
    }

    public ImmutableList<(string Topic, string Payload)> All => Volatile.Read(ref _messages);

    /// <summary>The payloads of one topic.</summary>
    public IReadOnlyList<string> On(string topic) => [.. All.Where(m => m.Topic == topic).Select(m => m.Payload)];

    /// <summary>Waits until so many messages came on the topic, and gives their payloads.</summary>
    public async Task<IReadOnlyList<string>> WaitAsync(string topic, int count = 1)
    {
        await Eventually.HoldsAsync($"{count} messages on {topic}", () => On(topic).Count >= count);
        return On(topic);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit(5000);
        }

        _process.Dispose();
    }
}
