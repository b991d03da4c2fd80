using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Merge patches of the status of what a controller keeps. Each carries the object's UID, as <see cref="MetadataPatch"/>.
/// </summary>
internal static class StatusPatch
{
    /// <param name="client">Where to.</param>
    /// <param name="kind">The object's.</param>
    /// <param name="value">The object.</param>
    /// <param name="status">The members that change.</param>
    /// <param name="ct">Ends the request.</param>
    /// <param name="overThisVersion">Whether the version counts too: for what is counted on, or replaced as a whole.</param>
    public static Task<KubeObject> WriteAsync(
        KubeClient client, ApiResource kind, KubeObject value, JsonObject status, CancellationToken ct, bool overThisVersion = false)
    {
        var metadata = new JsonObject { ["uid"] = value.Uid };
        if (overThisVersion)
        {
            metadata["resourceVersion"] = value.ResourceVersion;
        }

        var patch = new JsonObject { ["metadata"] = metadata, ["status"] = status };
        return client.PatchAsync(kind, value.Namespace, value.Name, PatchType.Merge, Encoding.UTF8.GetBytes(patch.ToJsonString()), "status", ct);
    }
}
