namespace EdgeSync.CloudCore.Enrollment;

/// <summary>What the API and the hub know of a node name.</summary>
internal enum NodePresence
{
    /// <summary>No Node object of that name.</summary>
    Absent,

    /// <summary>There is one, and its box is away: not Ready, and no session.</summary>
    Away,

    /// <summary>There is one, and its box is Ready or connected.</summary>
    Present,
}

/// <summary>Asks the API for a node. It throws when the API does not answer.</summary>
internal delegate Task<NodePresence> NodeLookup(string nodeName, CancellationToken cancellationToken);
