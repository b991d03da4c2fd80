using System.Runtime.InteropServices;
using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// What a KubeEdge hub answered to a request for an object, or to the writing of one.
/// <code>
/// {"Object":{…},"Err":null}                        a write, or a query for a lease
/// {"Object":{… empty …},"Err":{"ErrStatus":{…}}}   the same, failed; {} in place of the Status where the failure is not the API's
/// {"kind":…,"metadata":…}                          a query
/// {"ErrStatus":{…}} or {}                          the same, failed: not an object, and never to be stored as one
/// </code>
/// </summary>
/// <param name="Object">The object, JSON; empty where there is none.</param>
/// <param name="Code">The API's HTTP status code; 0 where the request succeeded, <see cref="NoStatus"/> where nobody said.</param>
/// <param name="Problem">In words; empty where the request succeeded.</param>
internal sealed record ObjectAnswer(ReadOnlyMemory<byte> Object, int Code, string Problem)
{
    /// <summary>Failed without a Kubernetes Status: the hub could not ask the API, or gave no answer.</summary>
    public const int NoStatus = -1;

    public bool Succeeded => Code == 0;

    public static ObjectAnswer Read(Message message)
    {
        try
        {
            using var document = JsonDocument.Parse(message.Content, new JsonDocumentOptions { MaxDepth = MessageCodec.MaxDepth });
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            return Failed(NoStatus, "the hub answered nothing that can be read");
        }
    }

    private static ObjectAnswer Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return root.ValueKind == JsonValueKind.String && root.ValueEquals("OK"u8)
                ? new ObjectAnswer(default, 0, "")
                : Failed(NoStatus, root.ToString());
        }

        if (root.TryGetProperty("Err", out var error))
        {
            return error.ValueKind != JsonValueKind.Null
                ? ReadError(error)
                : root.TryGetProperty(nameof(Object), out var written) && written.ValueKind == JsonValueKind.Object
                    ? new ObjectAnswer(Bytes(written), 0, "")
                    : Failed(NoStatus, "the hub answered neither an object nor an error");
        }

        return root.TryGetProperty("metadata", out _) ? new ObjectAnswer(Bytes(root), 0, "") : ReadError(root);
    }

    private static ObjectAnswer ReadError(JsonElement error)
    {
        if (error.ValueKind != JsonValueKind.Object
            || !error.TryGetProperty("ErrStatus", out var status)
            || status.ValueKind != JsonValueKind.Object)
        {
            return Failed(NoStatus, "the hub could not ask the API");
        }

        var code = status.TryGetProperty("code", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var value)
            ? value
            : NoStatus;
        var text = status.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String ? message.GetString()! : "";
        return Failed(code == 0 ? NoStatus : code, text.Length > 0 ? text : $"the API answered {code}");
    }

    private static ObjectAnswer Failed(int code, string problem) => new(default, code, problem);

    private static byte[] Bytes(JsonElement element) => JsonMarshal.GetRawUtf8Value(element).ToArray();
}
