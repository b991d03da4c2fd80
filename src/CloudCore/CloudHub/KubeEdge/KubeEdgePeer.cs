using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.KubeEdge;

/// <summary>
/// What a session with KubeEdge's own agent needs beside the common sync: the agent cannot say what it holds, so records say it;
/// its kubelet wants to see status too; it knows objects of one name by UID and takes another incarnation only after the first has
/// gone; its devices are members first. Lives as long as the session.
/// </summary>
internal sealed class KubeEdgePeer(string node, SyncRecords records, NodeScope scope, TimeProvider time)
{
    private static readonly HashSet<string> s_managed =
    [
        ResourceTypes.Node, ResourceTypes.Pod, ResourceTypes.ConfigMap, ResourceTypes.Secret, ResourceTypes.Device,
        ResourceTypes.DeviceModel,
    ];

    private readonly Membership _membership = new(time);
    private readonly DesiredValues _desired = new(time); // the sender's
    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, string> _held = []; // UID of what the agent holds or may hold; guarded by _gate
    private readonly HashSet<ObjectKey> _reviewed = []; // devices whose desired values are to be looked at; guarded by _gate
    private Sent? _sent; // on its way; guarded by _gate

    /// <summary>KubeEdge's rules, and nothing is sent before the records have been read.</summary>
    public static HubSyncOptions Options(string idPrefix) => HubSyncOptions.KubeEdge(idPrefix) with { Inventory = true };

    /// <summary>
    /// The object as this agent should hold it. Pods and nodes count in every version: the agent reports changes against the
    /// version that it was last sent, and would never correct a status that someone else has written.
    /// </summary>
    public KubeObject? Wanted(ObjectKey key)
    {
        if (scope.Lookup(node, key) is not { } found || IsOtherHeld(key, found.Uid))
        {
            return null;
        }

        return key.Type is ResourceTypes.Pod or ResourceTypes.Node ? found.WithWholeHash() : found;
    }

    /// <summary>
    /// Whether the request says that the agent has just started. Nobody knows then whether its database survived, and it does not
    /// ask for what it lacks (not even for its own Node): what it should hold is sent again.
    /// </summary>
    public static bool HasStarted(Message request) =>
        request.Operation == Operations.Insert && ObjectKey.TryParse(request.Resource, out var key) && key.Type == ResourceTypes.Node;

    /// <summary>What the agent holds by the records, in the form in which an EdgeSync agent would say it.</summary>
    /// <param name="isTrusted">False where it may hold less: then everything is sent, and what it should not hold is deleted.</param>
    /// <param name="cancellationToken">Ends the wait for the records.</param>
    public async Task<Message> InventoryAsync(bool isTrusted, CancellationToken cancellationToken)
    {
        await records.WaitUntilKnownAsync(cancellationToken);
        var items = new List<InventoryItem>();
        foreach (var record in records.Of(node))
        {
            // other kinds, which KubeEdge's hub has sent, are none of this hub's business; a Node is never taken away by message
            var key = record.Key;
            if (!s_managed.Contains(key.Type) || (key.Type == ResourceTypes.Node && scope.Lookup(node, key)?.Uid != record.Uid))
            {
                continue;
            }

            lock (_gate)
            {
                if (!_held.TryAdd(key, record.Uid) && _held[key] != record.Uid)
                {
                    continue; // a second incarnation; its turn comes with the next connection
                }
            }

            var wanted = Wanted(key);
            var isCurrent = isTrusted && wanted?.ResourceVersion == record.Version;
            items.Add(new InventoryItem(key, record.Uid, isCurrent ? wanted!.ContentHash : 0));
        }

        return new Message { Id = Guid.NewGuid().ToString(), Operation = Operations.Inventory, Content = Inventory.Write(items) };
    }

    /// <summary>
    /// Before each send: keeps the promise that there is a record of what the agent may hold, and gives the message that must go
    /// before this one, if any.
    /// </summary>
    /// <exception cref="KubeApi.ApiException">The record could not be written; nothing may be sent.</exception>
    public async Task<Message?> PrepareAsync(Message message, CancellationToken cancellationToken)
    {
        if (IsResend(message) || !ObjectKey.TryParse(message.Resource, out var key))
        {
            return null;
        }

        var content = KubeObject.Parse(message.Content);
        if (message.Operation == Operations.Delete)
        {
            Note(new Sent(message.Id, key, content, IsDelete: true));
            return key.Type == ResourceTypes.Device ? _membership.Removed(key) : null;
        }

        await records.BeginAsync(node, content, cancellationToken);
        Note(new Sent(message.Id, key, content, IsDelete: false));
        return key.Type == ResourceTypes.Device && message.Operation == Operations.Insert ? _membership.Added(content) : null;
    }

    /// <summary>The agent has stored what the message carried. The key, where something else of that name may now be sent.</summary>
    public ObjectKey? Acknowledge(string messageId)
    {
        Sent sent;
        lock (_gate)
        {
            if (_sent?.Id != messageId)
            {
                return null;
            }

            sent = _sent;
            _sent = null;
            if (sent.IsDelete)
            {
                _held.Remove(sent.Key);
            }

            if (sent.Key.Type == ResourceTypes.Device)
            {
                _reviewed.Add(sent.Key);
            }
        }

        if (!sent.IsDelete)
        {
            records.Stored(node, sent.Object);
            return null;
        }

        records.Removed(node, sent.Object.Uid);
        return sent.Key;
    }

    /// <summary>What must be sent before the answer to a request, if anything.</summary>
    public Message? BeforeAnswer(Message request) =>
        request.Resource == Membership.DetailResource ? _membership.All(scope.DevicesOf(node)) : null;

    /// <summary>What <see cref="BeforeAnswer"/> gave has been sent: the agent knows its devices.</summary>
    public void KnowsDevices()
    {
        var devices = scope.DevicesOf(node);
        lock (_gate)
        {
            _reviewed.UnionWith(devices.Select(d => d.Key(ResourceTypes.Device)));
        }
    }

    /// <summary>What the agent does not acknowledge and is to be sent now. The sender's.</summary>
    public IReadOnlyList<Message> TakeUnacknowledged()
    {
        ObjectKey[] keys;
        lock (_gate)
        {
            if (_reviewed.Count == 0)
            {
                return [];
            }

            keys = [.. _reviewed];
            _reviewed.Clear();
        }

        var messages = new List<Message>();
        foreach (var key in keys)
        {
            if (scope.Lookup(node, key) is not { } device)
            {
                _desired.Forget(key);
                continue;
            }

            var model = device.View(KubernetesJson.Default.Device).Spec.DeviceModelRef?.Name is { Length: > 0 } name
                ? scope.Lookup(node, new ObjectKey(key.Namespace, ResourceTypes.DeviceModel, name))
                : null;
            if (_desired.Tell(key, device, model) is { } message)
            {
                messages.Add(message);
            }
        }

        return messages;
    }

    private bool IsOtherHeld(ObjectKey key, string uid)
    {
        lock (_gate)
        {
            return key.Type != ResourceTypes.Node && _held.TryGetValue(key, out var held) && held != uid;
        }
    }

    private bool IsResend(Message message)
    {
        lock (_gate)
        {
            return _sent?.Id == message.Id;
        }
    }

    private void Note(Sent sent)
    {
        lock (_gate)
        {
            _sent = sent;
            _held[sent.Key] = sent.Object.Uid;
        }
    }

    /// <param name="Id">The message's.</param>
    /// <param name="Key">What it is about.</param>
    /// <param name="Object">The object, or for a delete its metadata.</param>
    /// <param name="IsDelete">Whether the agent is to drop it.</param>
    private sealed record Sent(string Id, ObjectKey Key, KubeObject Object, bool IsDelete);
}
