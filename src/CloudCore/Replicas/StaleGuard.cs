using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// For a session of a node that comes from another replica: lets out nothing that the API contradicts while the caches here may be behind
/// what the node has been told there. Where they agree with the node, which is the rule, it asks nothing; each object that differs costs one
/// read, until the caches are proven (<see cref="CacheFreshness"/>). Lives as long as its session.
/// </summary>
internal sealed class StaleGuard(KubeClient api, CacheFreshness freshness, FreshnessMark mark, string node)
{
    private bool _isProven; // the sender's

    /// <summary>Whether the message may be sent now. One that may not is given again by the sync machine, with what the caches have by then.</summary>
    public async Task<bool> MayGoAsync(Message message, CancellationToken ct)
    {
        if (_isProven || !ObjectKey.TryParse(message.Resource, out var key) || freshness.ResourceOf(key.Type) is not { } resource)
        {
            return true;
        }

        string[] needed = key.Type switch
        {
            // what a node needs of these is said by its pods and devices
            ResourceTypes.ConfigMap or ResourceTypes.Secret => [key.Type, ResourceTypes.Pod],
            ResourceTypes.DeviceModel => [key.Type, ResourceTypes.Device],
            _ => [key.Type],
        };
        if (needed.All(IsProven))
        {
            _isProven = freshness.IsProven(mark);
            return true;
        }

        var said = KubeObject.Parse(message.Content);
        KubeObject? present;
        try
        {
            present = await api.GetAsync(resource, key.Namespace, key.Name, ct);
        }
        catch (ApiException)
        {
            return false; // what cannot be confirmed waits
        }

        if (message.Operation == Operations.Delete ? IsGone(present, said, key.Type) : IsSame(present, said))
        {
            return true;
        }

        foreach (var type in needed)
        {
            freshness.Prove(type, mark);
        }

        return false;
    }

    private bool IsProven(string type) => freshness.IsProven(type, mark);

    private bool IsGone(KubeObject? present, KubeObject said, string type) =>
        present is null || (said.Uid.Length > 0 && present.Uid != said.Uid)
            || (type == ResourceTypes.Device && present.Text("spec"u8, "nodeName"u8) != node);

    private static bool IsSame(KubeObject? present, KubeObject said) =>
        present is not null && present.Uid == said.Uid && present.ContentHash == said.ContentHash;
}
