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
    public const string ErrorCountsAsTaken = "error-counts-as-stored";
    public const string CoalesceEach = "coalesce-each";
    public const string PutKeepsItsNumber = "put-keeps-its-number";
    public const string DeleteWithoutUid = "delete-without-uid";
    public const string WriteWithoutUid = "status-without-uid";
    public const string SettleOnSend = "settle-on-send";
    public const string SettleByKey = "settle-newer-by-older-answer";
    public const string GiveUpElsewhere = "give-up-elsewhere";
    public const string ServeBeforeTheCaches = "serve-before-caches-are-full";

    private const string Sync = "src/Shared.Protocol/Sync/";
    private const string Hub = "src/CloudCore/CloudHub/";

    /// <summary>In the parts that the simulation writes itself, in the place of sockets, disks and the API.</summary>
    public static IReadOnlyList<Mutation> OfTheGlue { get; } =
    [
        new(AcknowledgeBeforeTheWrite, "the edge acknowledges an object when it arrives, not when it is on the disk"),
        new(AcknowledgeWhatFailed, "the edge acknowledges what the disk refused"),
        new(IgnoreTheEpoch, "a newer session neither ends nor awaits the older one"),
        new(ErrorCountsAsTaken, "the hub takes an edge's error for an acknowledgement"),
        new(CoalesceEach, "messages of which each must arrive replace one another"),
        new(PutKeepsItsNumber, "a newer put keeps the number of the one that it replaces"),
        new(SettleByKey, "an answer to an older put settles the newer one of the same key"),
        new(SettleOnSend, "an entry leaves the outbox when it is sent"),
        new(DeleteWithoutUid, "a node's pod deletion takes whatever has the name now"),
        new(WriteWithoutUid, "a pod status is written to whatever has the name now"),
        new(GiveUpElsewhere, "a report of a device that is on another node just now is refused for good"),
        new(ServeBeforeTheCaches, "nodes are let in before the hub's caches are full"),
    ];

    /// <summary>In the shipped sources.</summary>
    public static IReadOnlyList<SourceMutation> OfTheSources { get; } =
    [
        new("forget-resend-to-edge", "the hub never sends again what was not acknowledged",
            Sync + "HubSync.Sending.cs", "if (nowMs < _nextResend)", "if (FAULT || nowMs < _nextResend)"),
        new("forget-resend-to-hub", "the edge never sends again what was not answered",
            Sync + "AgentSync.Uploads.cs", "if (nowMs >= _nextDeadline && TakeDue", "if (!FAULT && nowMs >= _nextDeadline && TakeDue"),
        new("drop-tombstone", "an object that is wanted no longer is forgotten before the edge has removed it",
            Sync + "HubSync.cs", "            entry.Wanted = null;\n", "            entry.Wanted = null;\n            entry.Held = FAULT ? null : entry.Held;\n"),
        new("hold-the-wish", "an acknowledgement counts for what is wanted now, not for what was sent",
            Sync + "HubSync.cs", "entry.Held = flight.Object is null ? null : new HeldVersion(flight.Object.Uid, flight.Object.ContentHash);",
            "entry.Held = (FAULT ? entry.Wanted : flight.Object) is not { } now ? null : new HeldVersion(now.Uid, now.ContentHash);"),
        new("skip-inventory-differences", "what an edge holds and should not is never asked for",
            Sync + "HubSync.Inventory.cs", "held.Where(h => h.Count > 0 && !wanted", "held.Where(h => !FAULT && h.Count > 0 && !wanted"),
        new("synced-too-early", "the edge is told that all is sent before it has acknowledged all",
            Sync + "HubSync.Inventory.cs", "answered && _awaited == 0", "answered && (FAULT || _awaited == 0)"),
        new("refusal-counts-as-taken", "the edge settles what the API could not take",
            Sync + "Answer.cs", "return number is 400", "return FAULT ? Verdict.Taken : number is 400"),
        new("answer-closes-retry", "what the API could not take now is given up",
            Sync + "Answer.cs", "422 ? Verdict.Never : Verdict.Retry", "422 || FAULT ? Verdict.Never : Verdict.Retry"),
        new("twin-by-arrival", "a reported value is taken by arrival, not by sequence",
            "src/CloudCore/DeviceController/TwinReport.cs", "SequenceOf(stored) >= sequence", "!FAULT && SequenceOf(stored) >= sequence"),
        new("twin-without-origin", "sequences of one database are compared with those of another",
            "src/CloudCore/DeviceController/TwinReport.cs", "?? \"\") == origin\n", "?? \"\") == origin | FAULT\n"),
        new("take-what-was-known", "a reported value that the API has had already replaces what another node has said since",
            "src/CloudCore/DeviceController/TwinReport.cs", ": IsKnown(twin)))", ": !FAULT && IsKnown(twin)))"),
        new("begin-beside-older", "a newer session does not await the older one's last write",
            Hub + "NodeSeats.cs", "seat.Newest == session && seat.Present == 1", "seat.Newest == session && (FAULT || seat.Present == 1)"),
        new("digest-beside-the-disk", "the edge says what it holds while it stores what came in an earlier session",
            Sync + "AgentSync.Inventory.cs", "_storing > 0 || _toStore.Count > 0)", "(!FAULT && (_storing > 0 || _toStore.Count > 0)))"),
        new("trust-an-old-cache", "what a node says of itself counts as known by a cache older than the hub's own last write",
            Hub + "Upstream/KnownNode.cs", "|| VersionOf(node) >= written)", "|| FAULT || VersionOf(node) >= written)"),
        new("another-node-unseen", "a Node that took the place of another goes unnoticed, whether seen by the watch or made by the hub",
            Hub + "SeenNode.cs", "before == node.Uid ?", "before == node.Uid || FAULT ?"),
        new("another-node-unseen", "the same, where it is made",
            Hub + "Upstream/KnownNode.cs", "last.Uid != node.Uid)", "last.Uid != node.Uid && !FAULT)"),
        new("scope-never-shrinks", "a node keeps its claim on what was moved away",
            Hub + "NodeScope.cs", "if (--uses[key] > 0)", "if (--uses[key] > 0 || FAULT)"),
    ];

    /// <summary>By name: one that would be caught by a second guard has a text in both.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [.. OfTheGlue, .. OfTheSources.DistinctBy(m => m.Name)];
}
