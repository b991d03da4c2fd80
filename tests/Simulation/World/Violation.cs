namespace EdgeSync.Simulation.World;

/// <summary>A promise was broken.</summary>
internal sealed class Violation(string promise, string text) : Exception($"{promise}: {text}")
{
    /// <summary>Which one (<see cref="Promises"/>).</summary>
    public string Promise => promise;
}

/// <summary>What must hold, whatever happens. The names are those of docs/simulation.md.</summary>
internal static class Promises
{
    /// <summary>What the hub takes for held is on the edge's disk, exactly.</summary>
    public const string HeldIsDurable = "held-is-durable";

    /// <summary>An object that is gone, and whose deletion the edge acknowledged, is never on its disk again.</summary>
    public const string NoReturn = "no-return";

    /// <summary>No node is sent an object that was never its own.</summary>
    public const string OwnObjectsOnly = "own-objects-only";

    /// <summary>No node is told to remove a pod that is there and bound to it.</summary>
    public const string NoNeedlessDelete = "no-needless-delete";

    /// <summary>What a node says of an object is never done to a later object of the same name.</summary>
    public const string RightIncarnation = "right-incarnation";

    /// <summary>"Everything is sent" is said only when everything is held.</summary>
    public const string SyncedIsTrue = "synced-is-true";

    /// <summary>A status or twin value in the API is never replaced by an older one.</summary>
    public const string NeverOlder = "never-older";

    /// <summary>Nothing leaves the outbox as taken before the API has it.</summary>
    public const string SettledIsTaken = "settled-is-taken";

    /// <summary>Two sessions of a node never write at the same time, and none after a newer one.</summary>
    public const string OneWriter = "one-writer";

    /// <summary>What a session or agent keeps is bounded by its objects.</summary>
    public const string BoundedMemory = "bounded-memory";

    /// <summary>Once the faults stop, all is as it should be within <see cref="SimWorld.SettleMs"/>, and stays so.</summary>
    public const string Converges = "converges";

    /// <summary>The code under test threw what it should not.</summary>
    public const string NoException = "no-exception";
}
