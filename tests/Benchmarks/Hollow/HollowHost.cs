using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>
/// The process that the hollow edges live in, so that their cost is not the hub's: <c>hollow PKI PORT[,PORT] hub|plain|bare</c> (<c>plain</c>: a hub without compression). Takes a command
/// from each line of its input and writes one line for each; ends with its input. Times are Stopwatch ticks, which all
/// processes of a machine share.
/// </summary>
internal sealed class HollowHost(HollowFleet fleet, TempFolder folder) : IAsyncDisposable
{
    private readonly List<HollowAgent> _agents = [];

    public static async Task<int> RunAsync(string pki, string ports, string kind)
    {
        using var identities = new HollowIdentities(pki);
        using var folder = new TempFolder();
        var target = new HollowTarget([.. ports.Split(',').Select(Number)], identities.Authority, kind == "bare", kind == "hub");
        await using var fleet = new HollowFleet(identities, target);
        await using var host = new HollowHost(fleet, folder);
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string answer;
            try
            {
                answer = await host.DoAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                answer = $"error {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}";
            }

            await Console.Out.WriteLineAsync(answer);
        }

        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_agents.Select(a => a.DisposeAsync().AsTask()));
        _agents.Clear();
    }

    private async Task<string> DoAsync(string[] words)
    {
        switch (words)
        {
            case ["open", var first, var count, var atOnce, var limit]:
                return Text(await fleet.OpenAsync(Number(first), Number(count), Number(atOnce), Seconds(limit)));
            case ["cut"]:
                fleet.Cut();
                return "ok";
            case ["back", var limit]:
                var (start, arrivals) = await fleet.BackAsync(Seconds(limit));
                return string.Create(CultureInfo.InvariantCulture, $"{Text(arrivals)} {start}");
            case ["expect", var type, var count, var text]:
                fleet.Expect(type, text, Number(count));
                return "ok";
            case ["arrived", var limit]:
                return Text(await fleet.ArrivedAsync(Seconds(limit)));
            case ["agents", var first, var count]:
                await StartAgentsAsync(Number(first), Number(count));
                return "ok";
            case ["agents-stop"]:
                await DisposeAsync();
                return "ok";
            case ["state"]:
                return State();
            default:
                throw new ArgumentException($"unknown command: {string.Join(' ', words)}");
        }
    }

    private async Task StartAgentsAsync(int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            _agents.Add(await HollowAgent.StartAsync(fleet, i, folder.File(HollowIdentities.NameOf(i))));
        }

        await Eventually.HoldsAsync("the agents are in step", () => _agents.All(a => a.IsSynced));
    }

    private string State()
    {
        var edges = fleet.Edges.ToArray();
        var failed = edges.FirstOrDefault(e => e.LastFailure.Length > 0);
        return string.Create(CultureInfo.InvariantCulture,
            $"ok {edges.Count(e => e.IsConnected)} {edges.Sum(e => e.Failures)} {edges.Sum(e => e.Bytes)} {edges.Sum(e => e.HeldCount)} {failed?.LastFailure}");
    }

    private static string Text(Arrivals a) => string.Create(CultureInfo.InvariantCulture, $"ok {a.Count} {a.Half} {a.Most} {a.Last}");

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(double.Parse(text, CultureInfo.InvariantCulture));
}
