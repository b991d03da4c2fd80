namespace EdgeSync.CloudCore.CloudStream;

/// <summary>A node cannot be asked now; the message names it and says why, for whoever asked.</summary>
internal sealed class NodeUnreachableException(string message) : Exception(message);
