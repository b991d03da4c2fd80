using System.Globalization;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// What the hub pushed in this session, so that an answer that left before a push and came after it changes nothing: answers
/// and pushes travel in queues of their own. Compares resourceVersions as KubeEdge does: as numbers.
/// </summary>
internal sealed class NewestSeen
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, ulong> _newest = []; // guarded by _gate
    private readonly HashSet<string> _deleted = []; // UIDs; guarded by _gate

    /// <summary>Notes a push.</summary>
    /// <param name="message">Any message; those that push nothing are passed over.</param>
    /// <param name="forgetDeleted">No answer is under way that a noted deletion would matter to.</param>
    public void Note(Message message, bool forgetDeleted)
    {
        if (message.Group != Groups.Resource || !ObjectKey.TryParse(message.Resource, out var key) || TryParse(message) is not { } pushed)
        {
            return;
        }

        lock (_gate)
        {
            if (message.Operation == Operations.Delete)
            {
                if (forgetDeleted)
                {
                    _deleted.Clear();
                }

                _newest.Remove(key);
                _deleted.Add(pushed.Uid);
            }
            else
            {
                _newest[key] = Version(pushed);
            }
        }
    }

    /// <summary>Whether an object that an answer brought is not older than what was pushed of it.</summary>
    public bool IsNews(ObjectKey key, KubeObject answered)
    {
        lock (_gate)
        {
            return !_deleted.Contains(answered.Uid)
                && (!_newest.TryGetValue(key, out var newest) || newest <= Version(answered));
        }
    }

    private static KubeObject? TryParse(Message message)
    {
        try
        {
            return KubeObject.Parse(message.Content);
        }
        catch (KubeObjectException)
        {
            return null; // the sync answers for it
        }
    }

    private static ulong Version(KubeObject of) =>
        ulong.TryParse(of.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;
}
