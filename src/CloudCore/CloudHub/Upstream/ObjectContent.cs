using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>JSON objects of requests, read to be changed, and written to the API.</summary>
internal static class ObjectContent
{
    /// <summary>The content of <paramref name="request"/>, as an object or as a string that holds one.</summary>
    /// <exception cref="KubeObjectException">It is not a JSON object.</exception>
    public static JsonObject Read(Message request)
    {
        try
        {
            return JsonNode.Parse(request.ContentAsJson().Span) as JsonObject
                ?? throw new KubeObjectException($"{request.Resource}: the content must be a JSON object");
        }
        catch (JsonException e)
        {
            throw new KubeObjectException($"{request.Resource}: the content is not JSON: {e.Message}", e);
        }
    }

    public static byte[] Bytes(JsonObject node) => Encoding.UTF8.GetBytes(node.ToJsonString());
}
