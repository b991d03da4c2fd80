using System.Text.Json;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>
/// What goes to the cloud about twins: one waiting entry for each device, whose content is made when it is sent out of
/// the properties with <c>reported_seq > acked_seq</c>. A confirmation, or a refusal for good, covers the sequences that its message
/// carried; a property that has changed since stays pending.
/// </summary>
internal sealed class TwinReports(Outbox outbox, TimeProvider time)
{
    /// <summary>Larger reports are sent in parts, one after the other.</summary>
    private const int MaxContentBytes = 256 * 1024;

    /// <summary>The most that one property takes besides its values: names, versions, timestamps.</summary>
    private const int EntryOverheadBytes = 512;

    private const string TwinPrefix = "twin/";
    private const string StatePrefix = "devicestate/";

    public static string TwinKey(DeviceId id) => TwinPrefix + id;

    public static string StateKey(DeviceId id) => StatePrefix + id;

    /// <summary>Makes this the maker of twin reports.</summary>
    public void Register() => outbox.SetRenderer(TwinPrefix, Render, Settled);

    /// <summary>Notes, in the transaction that changes a twin, that the cloud has to hear of it.</summary>
    public void PutTwin(SqlSession session, DeviceId id) => outbox.PutOnce(session, new UpstreamMessage(
        TwinKey(id), Lane.Twins, false, Sources.Twin, Groups.Resource, Operations.Update,
        $"device/{id}/twin/edge_updated", null));

    /// <summary>The same for a device's state, of which the last one counts. The content is a string that holds JSON.</summary>
    public void PutState(SqlSession session, DeviceId id, StateReport report) => outbox.Put(session, new UpstreamMessage(
        StateKey(id), Lane.Twins, false, Sources.Twin, Groups.Resource, Operations.Update,
        $"device/{id}/state/update", JsonText(JsonSerializer.Serialize(report, DeviceCodec.Json.StateReport))));

    /// <summary>Forgets what of a device waits to be sent.</summary>
    public void Forget(SqlSession session, DeviceId id)
    {
        outbox.Forget(session, TwinKey(id));
        outbox.Forget(session, StateKey(id));
    }

    /// <summary>The JSON string with that text.</summary>
    public static byte[] JsonText(string text)
    {
        var encoded = JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        return [(byte)'"', .. encoded.EncodedUtf8Bytes, (byte)'"'];
    }

    private byte[]? Render(SqlSession session, OutboxEntry entry)
    {
        if (!TryReadKey(entry.Message.Key, out var id))
        {
            return null;
        }

        var device = (Uid: "", Origin: "");
        var size = 0;
        var twin = new Dictionary<string, MsgTwin?>();
        foreach (var (property, value, owner, acked) in session.Query(
            $"""
            SELECT {TwinStore.EntryColumns}, uid, origin, acked_seq FROM twin JOIN device USING (namespace, name)
            WHERE namespace = $1 AND name = $2 AND reported_seq > acked_seq
            """,
            row => (row.GetString(0), TwinStore.ReadEntry(row, 0), (row.GetString(13), row.GetString(14)), row.GetInt64(15)),
            id.Namespace, id.Name))
        {
            // lengths in UTF-16 units, times three for UTF-8: enough for a limit
            size += EntryOverheadBytes + (3 * ((value.Expected.Value?.Length ?? 0) + (value.Actual.Value?.Length ?? 0)));
            if (size > MaxContentBytes && twin.Count > 0)
            {
                break;
            }

            device = owner;
            twin.Add(property, value.ToReport(acked));
        }

        return twin.Count == 0 ? null : JsonSerializer.SerializeToUtf8Bytes(
            new TwinMessage
            {
                EventId = Guid.NewGuid().ToString(),
                Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
                Uid = device.Uid,
                Origin = device.Origin,
                Twin = twin,
            },
            DeviceCodec.Json.TwinMessage);
    }

    private void Settled(SqlSession session, OutboxEntry sent)
    {
        if (!TryReadKey(sent.Message.Key, out var id))
        {
            return;
        }

        if (sent.Message.Content is { } content
            && DeviceCodec.TryRead(content, DeviceCodec.Json.TwinMessage, out _) is { Twin: { } twin } message)
        {
            foreach (var (property, value) in twin)
            {
                // the uid and the origin: a confirmation for the device's last life, or for its last stay on this node, says nothing
                // about this one, whose numbers begin anew
                session.Execute(
                    """
                    UPDATE twin SET acked_seq = $4
                    WHERE namespace = $1 AND name = $2 AND property = $3 AND acked_seq < $4
                        AND EXISTS (SELECT 1 FROM device WHERE namespace = $1 AND name = $2 AND uid = $5 AND origin = $6)
                    """,
                    id.Namespace, id.Name, property, value?.ActualVersion?.Edge ?? 0, message.Uid ?? "", message.Origin ?? "");
            }
        }

        if (session.Scalar(
            """
            SELECT 1 FROM twin JOIN device USING (namespace, name)
            WHERE namespace = $1 AND name = $2 AND reported_seq > acked_seq LIMIT 1
            """,
            id.Namespace, id.Name) is not null)
        {
            PutTwin(session, id);
        }
    }

    private static bool TryReadKey(string key, out DeviceId id)
    {
        var parts = key.Split('/');
        id = parts.Length == 3 ? new DeviceId(parts[1], parts[2]) : default;
        return parts.Length == 3;
    }
}
