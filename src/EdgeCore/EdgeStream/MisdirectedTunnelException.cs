namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>The connection came to another replica of the hub than that which asked for it; the next one may come to the right one.</summary>
internal sealed class MisdirectedTunnelException(string message) : IOException(message);
