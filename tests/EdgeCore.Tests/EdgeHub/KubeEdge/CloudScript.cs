using System.Text.Json.Nodes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>A small cluster behind the scripted hub, which answers as the recordings do.</summary>
internal sealed class CloudScript
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string?> _reported = []; // DeviceStatus: property to value; guarded by _gate

    /// <summary>Whether the Node is there.</summary>
    public bool HasNode { get; set; }

    public bool HasLease { get; set; }

    /// <summary>Resources of objects that queries find, by the name of their recording.</summary>
    public Dictionary<string, string> Objects { get; } = [];

    /// <summary>Whether pod default/web-1 is there.</summary>
    public bool HasPod { get; set; } = true;

    /// <summary>Whether the API answers; otherwise failures come as <c>{}</c>.</summary>
    public bool HasApi { get; set; } = true;

    /// <summary>What the cloud has of a property.</summary>
    public string? Reported(string property)
    {
        lock (_gate)
        {
            return _reported.GetValueOrDefault(property);
        }
    }

    public JsonObject? Answer(Message request)
    {
        switch (request.Operation)
        {
            case Operations.Insert when request.Resource == $"null/node/{ScriptedHub.NodeName}":
                return GoldenMessages.Read(HasNode || !(HasNode = true) ? "node-insert-exists" : "node-insert-answer");
            case Operations.Patch when request.Resource.StartsWith("null/nodepatch/", StringComparison.Ordinal):
                return HasNode ? GoldenMessages.Read("node-patch-answer") : Failed("nodepatch", 404);
            case Operations.Patch:
                return PatchPod(request);
            case Operations.Query or Operations.Insert or Operations.Update when request.Resource.StartsWith("kube-node-lease/", StringComparison.Ordinal):
                HasLease |= request.Operation == Operations.Insert;
                return GoldenMessages.Read(HasLease ? "lease-answer" : "lease-missing");
            case Operations.Query:
                return Query(request);
            case Operations.Delete:
                return GoldenMessages.Read("pod-delete-answer");
            case Operations.Update when request.Resource.EndsWith("/twin/edge_updated", StringComparison.Ordinal):
                Report(request);
                return GoldenMessages.Read("device-confirm");
            default:
                return null; // routed messages, membership/detail: nobody answers
        }
    }

    private static JsonObject Failed(string type, int code)
    {
        var answer = GoldenMessages.Read("pod-patch-gone");
        answer["route"]!["resource"] = type;
        answer["content"]!["Err"]!["ErrStatus"]!["code"] = code;
        return answer;
    }

    private JsonObject PatchPod(Message request)
    {
        if (!HasApi)
        {
            var unknown = GoldenMessages.Read("pod-patch-gone");
            unknown["content"]!["Err"] = new JsonObject();
            return unknown;
        }

        var found = GoldenMessages.Read("pod-patch-answer");
        if (!HasPod || request.Resource != "default/podpatch/web-1")
        {
            return GoldenMessages.Read("pod-patch-gone");
        }

        var uid = JsonNode.Parse(request.ContentAsString()!)!["metadata"]!["uid"]!.GetValue<string>();
        return uid == found["content"]!["Object"]!["metadata"]!["uid"]!.GetValue<string>() ? found : GoldenMessages.Read("pod-patch-other-uid");
    }

    private JsonObject Query(Message request)
    {
        if (!HasApi)
        {
            var unknown = GoldenMessages.Read("secret-missing");
            unknown["route"]!["resource"] = request.Resource;
            unknown["content"] = new JsonObject();
            return unknown;
        }

        if (Objects.TryGetValue(request.Resource, out var name))
        {
            return GoldenMessages.Read(name);
        }

        var missing = GoldenMessages.Read("secret-missing");
        missing["route"]!["resource"] = request.Resource;
        return missing;
    }

    /// <summary>The real one's way: a property that is not listed yet is listed without its value.</summary>
    private void Report(Message request)
    {
        lock (_gate)
        {
            foreach (var (property, twin) in JsonNode.Parse(request.Content.Span)!["twin"]!.AsObject())
            {
                _reported[property] = _reported.ContainsKey(property) ? twin!["actual"]!["value"]!.GetValue<string>() : "";
            }
        }
    }
}
