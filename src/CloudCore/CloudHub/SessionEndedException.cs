namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The session ends by the hub's own decision; the node comes back with a new one.</summary>
internal sealed class SessionEndedException(string reason) : Exception(reason);
