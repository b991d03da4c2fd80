using System.Diagnostics;

namespace EdgeSync.TestKit;

/// <summary>Waits for what has no signal of its own, with a deadline and a message that says what was waited for.</summary>
public static class Eventually
{
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(20);

    /// <summary>Until <paramref name="condition"/> holds; an exception that it throws counts as "not yet".</summary>
    public static async Task HoldsAsync(string what, Func<Task<bool>> condition, TimeSpan? deadline = null)
    {
        var clock = Stopwatch.StartNew();
        var limit = deadline ?? DefaultDeadline;
        Exception? last = null;
        while (true)
        {
            try
            {
                if (await condition())
                {
                    return;
                }

                last = null;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                last = e;
            }

            if (clock.Elapsed > limit)
            {
                throw new TimeoutException($"not within {limit.TotalSeconds:0.#} s: {what}{(last is null ? "" : $" (last error: {last.Message})")}", last);
            }

            await Task.Delay(s_interval);
        }
    }

    /// <inheritdoc cref="HoldsAsync(string, Func{Task{bool}}, TimeSpan?)"/>
    public static Task HoldsAsync(string what, Func<bool> condition, TimeSpan? deadline = null) =>
        HoldsAsync(what, () => Task.FromResult(condition()), deadline);
}
