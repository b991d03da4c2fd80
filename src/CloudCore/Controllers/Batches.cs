namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Many requests of one kind: one first, then twice as many at a time while all succeed, so that what the API refuses is refused
/// once and not five thousand times.
/// </summary>
internal static class Batches
{
    public static async Task InGrowingAsync<T>(
        IReadOnlyList<T> items, int mostAtATime, Func<T, CancellationToken, Task> act, CancellationToken ct)
    {
        var parallel = new ParallelOptions { CancellationToken = ct };
        for (int done = 0, size = 1; done < items.Count; done += size, size *= 2)
        {
            size = Math.Min(size, items.Count - done);
            parallel.MaxDegreeOfParallelism = Math.Min(size, mostAtATime);
            await Parallel.ForEachAsync(items.Skip(done).Take(size), parallel, async (item, token) => await act(item, token));
        }
    }
}
