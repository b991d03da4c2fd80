namespace EdgeSync.Protocol.Sync;

public sealed partial class HubSync
{
    /// <summary>
    /// Everything that the session keeps, counted in entries. Whoever proves that it is bounded by the node's objects, however
    /// often they change while nothing can be sent, needs to see it.
    /// </summary>
    internal int Footprint => _entries.Count + _inFlight.Count + _failed.Count + _queues.Waiting().Count();
}
