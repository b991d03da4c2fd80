namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// Lets the writers of one object in one at a time, in the order in which they came. Without it, writers that prepare
/// while a commit is on its way to disk all start from the old version, and the same one can lose again and again.
/// </summary>
internal sealed class KeyedGate<TKey>
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Queue<TaskCompletionSource>?> _entered = []; // guarded by _gate

    /// <summary>Waits for the key; dispose the result to let the next one in.</summary>
    public async ValueTask<Entry> EnterAsync(TKey key, CancellationToken cancellationToken)
    {
        TaskCompletionSource turn;
        lock (_gate)
        {
            if (_entered.TryAdd(key, null))
            {
                return new Entry(this, key);
            }

            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            (_entered[key] ??= new Queue<TaskCompletionSource>()).Enqueue(turn);
        }

        await using (cancellationToken.Register(() => turn.TrySetCanceled(cancellationToken)))
        {
            await turn.Task;
        }

        return new Entry(this, key);
    }

    private void Leave(TKey key)
    {
        lock (_gate)
        {
            var waiting = _entered[key];
            while (waiting is not null && waiting.TryDequeue(out var next))
            {
                // false: it has gone away meanwhile
                if (next.TrySetResult())
                {
                    return;
                }
            }

            _entered.Remove(key);
        }
    }

    /// <summary>The right to write one object; the default value is none.</summary>
    public readonly struct Entry(KeyedGate<TKey>? gate, TKey key) : IDisposable
    {
        public void Dispose() => gate?.Leave(key);
    }
}
