using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// Reads the hub's answer to an upload. KubeEdge's forms: the string <c>"OK"</c>; an ObjectResp
/// <c>{"Object":…,"Err":null|{"ErrStatus":{…,"code"}}}</c>; a bare <c>{"ErrStatus":…}</c>; operation <c>error</c>.
/// </summary>
internal static class Answer
{
    internal enum Verdict
    {
        Taken,
        Retry,
        Never,
    }

    public static Verdict Read(Message message)
    {
        if (message.Operation == Operations.Error)
        {
            return Verdict.Retry;
        }

        if (message.Content.IsEmpty || message.Content.Span[0] != (byte)'{')
        {
            return Verdict.Taken;
        }

        using var document = JsonDocument.Parse(message.Content, new JsonDocumentOptions { MaxDepth = MessageCodec.MaxDepth });
        var root = document.RootElement;
        var error = root.TryGetProperty("Err", out var err) ? err : root;
        if (error.ValueKind != JsonValueKind.Object || (!error.TryGetProperty("ErrStatus", out var status) && !root.TryGetProperty("Err", out _)))
        {
            return Verdict.Taken;
        }

        // an error without a Status (Go marshals a plain one as {}) says nothing: try again
        if (status.ValueKind != JsonValueKind.Object || !status.TryGetProperty("code", out var code)
            || code.ValueKind != JsonValueKind.Number || !code.TryGetInt32(out var number))
        {
            return Verdict.Retry;
        }

        // wrong for good: bad, gone, conflicting (another incarnation), too large, invalid. Anything else, a missing right
        // included, can be mended on the other side, and nothing may be lost until it is.
        return number is 400 or 404 or 409 or 410 or 413 or 422 ? Verdict.Never : Verdict.Retry;
    }
}
