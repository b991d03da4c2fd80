namespace EdgeSync.Simulation.World;

/// <summary>A deliberate fault in the parts around the shipped ones, which the simulation writes itself.</summary>
/// <param name="Name">As the table and <c>--mutation</c> have it.</param>
/// <param name="What">What it does, in words.</param>
internal record Mutation(string Name, string What);

/// <summary>A deliberate fault in a shipped source: in a patched copy, the text is replaced by one that asks <see cref="Mutant"/>.</summary>
/// <param name="File">The source, from the repository's root.</param>
/// <param name="Old">Stands exactly once in it.</param>
/// <param name="New">What takes its place; FAULT stands for the question whether this mutation is on.</param>
/// <param name="Name">As in <see cref="Mutation"/>.</param>
/// <param name="What">As in <see cref="Mutation"/>.</param>
internal sealed record SourceMutation(string Name, string What, string File, string Old, string New) : Mutation(Name, What);

/// <summary>Every deliberate fault; each must be caught.</summary>
internal static class Mutations
{
    public const string AcknowledgeBeforeTheWrite = "acknowledge-before-write";
    public const string AcknowledgeWhatFailed = "acknowledge-failed-write";
    public const string IgnoreTheEpoch = "ignore-epoch";
    public const string BeginBesideTheOlder = "begin-beside-older";
    public const string ErrorCountsAsTaken = "error-counts-as-stored";
    public const string KeepTheLastSession = "keep-in-flight-after-reconnect";
    public const string CoalesceEach = "coalesce-each";
    public const string PutKeepsItsNumber = "put-keeps-its-number";
    public const string DeleteWithoutUid = "delete-without-uid";
    public const string SettleOnSend = "settle-on-send";
    public const string SettleByKey = "settle-newer-by-older-answer";

    public static IReadOnlyList<Mutation> All { get; } =
    [
        new(AcknowledgeBeforeTheWrite, "the edge acknowledges an object when it arrives, not when it is on the disk"),
        new(AcknowledgeWhatFailed, "the edge acknowledges what the disk refused"),
        new(IgnoreTheEpoch, "a newer session neither ends nor awaits the older one"),
        new(BeginBesideTheOlder, "a newer session ends the older one but does not await its last write"),
        new(ErrorCountsAsTaken, "the hub takes an edge's error for an acknowledgement"),
        new(KeepTheLastSession, "the agent is not told that its link is gone"),
        new(CoalesceEach, "messages of which each must arrive replace one another"),
        new(PutKeepsItsNumber, "a newer put keeps the number of the one that it replaces"),
        new(SettleByKey, "an answer to an older put settles the newer one of the same key"),
        new(SettleOnSend, "an entry leaves the outbox when it is sent"),
    ];
}
