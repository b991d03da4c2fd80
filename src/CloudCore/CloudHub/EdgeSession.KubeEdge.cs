using EdgeSync.CloudCore.CloudHub.KubeEdge;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub;

/// <content>Where a session with KubeEdge's own agent differs; nothing here does anything for a peer that speaks the extensions.</content>
internal sealed partial class EdgeSession
{
    private bool _kubeEdgeOpened; // the sender's

    /// <summary>The records take the place of the inventory that the agent cannot send.</summary>
    private async Task OpenKubeEdgeAsync()
    {
        if (_kubeEdge is not null && !_kubeEdgeOpened)
        {
            var inventory = await _kubeEdge.InventoryAsync(isTrusted: true, _ending.Token);
            _kubeEdgeOpened = true;
            TakeNotes();
            ReceiveInventory(inventory);
        }
    }

    private async Task SendUnacknowledgedAsync()
    {
        foreach (var message in _kubeEdge?.TakeUnacknowledged() ?? [])
        {
            LogSending(Node, message.Operation, message.Resource, message.Id);
            await _socket.SendAsync(message, _ending.Token);
        }
    }

    /// <summary>Does what must be done before the message is sent; false where it must not be sent now.</summary>
    private async Task<bool> PrepareForKubeEdgeAsync(Message message)
    {
        if (_kubeEdge is null)
        {
            return true;
        }

        if (message.Resource == Operations.Inventory)
        {
            return false; // the answer to an inventory that the agent does not know of
        }

        try
        {
            if (await _kubeEdge.PrepareAsync(message, _ending.Token) is { } first)
            {
                LogSending(Node, first.Operation, first.Resource, first.Id);
                await _socket.SendAsync(first, _ending.Token);
            }

            return true;
        }
        catch (ApiException e)
        {
            // the sync machine gives the message again
            LogUnrecorded(Node, message.Resource, e.Message);
            return false;
        }
    }

    private async Task BeforeKubeEdgeAnswerAsync(Message request)
    {
        if (_kubeEdge?.BeforeAnswer(request) is { } first)
        {
            await _socket.SendAsync(first, _ending.Token);
            _kubeEdge.KnowsDevices();
            _sender.Wake();
        }
    }

    private async Task AfterKubeEdgeAnswerAsync(Message request)
    {
        if (_kubeEdge is not null && KubeEdgePeer.HasStarted(request))
        {
            ReceiveInventory(await _kubeEdge.InventoryAsync(isTrusted: false, _ending.Token));
        }
    }

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Resource} waits, what the node holds cannot be recorded: {Text}")]
    private partial void LogUnrecorded(string node, string resource, string text);
}
