namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>One evaluation of a rule: its variables, and what it may still cost. Not thread-safe.</summary>
internal sealed class CelFrame(object? self, object? oldSelf, int variables, long budget)
{
    private readonly object?[] _variables = new object?[variables];

    public object? Self => self;

    public object? OldSelf => oldSelf;

    /// <summary>Steps that are left.</summary>
    public long Left { get; private set; } = budget;

    public object? this[int variable]
    {
        get => _variables[variable];
        set => _variables[variable] = value;
    }

    /// <exception cref="CelCostException">The rule has cost too much.</exception>
    public void Spend(long steps)
    {
        Left -= steps;
        if (Left < 0)
        {
            throw new CelCostException();
        }
    }
}
