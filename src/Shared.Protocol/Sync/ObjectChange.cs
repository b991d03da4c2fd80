using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>One object for the edge to store, or, where <paramref name="Object"/> is null, to remove.</summary>
/// <param name="Key">The object's address.</param>
/// <param name="Object">The new content; null removes.</param>
/// <param name="Uid">
/// For a removal: the incarnation to remove, so that a late delete never takes a new object of the same name;
/// empty removes whatever is there.
/// </param>
public readonly record struct ObjectChange(ObjectKey Key, KubeObject? Object, string Uid);
