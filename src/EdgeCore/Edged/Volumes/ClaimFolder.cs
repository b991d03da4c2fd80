using System.Text.Json;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>
/// The folder of this machine that a claim of a pod is. The hub says it in an annotation of the pod
/// (<see cref="EdgeAnnotations.ClaimFolders"/>), so that the pod alone is enough to start it, also with no link.
/// </summary>
internal static class ClaimFolder
{
    /// <exception cref="MissingReferenceException">The pod does not say where its claim is.</exception>
    public static string Of(WantedPod pod, JsonElement source)
    {
        var name = source.ValueKind == JsonValueKind.Object && source.TryGetProperty("claimName", out var value) ? value.GetString() ?? "" : "";
        var folder = Find(pod, name) ?? throw new MissingReferenceException(
            $"nobody says which folder the claim \"{name}\" is: the hub does when it is bound to a volume of the kind hostPath or local");
        HostPathCheck.Ensure(folder);
        return folder.Path;
    }

    private static HostPathVolumeSource? Find(WantedPod pod, string claim)
    {
        if (pod.Pod.Metadata.Annotations?.GetValueOrDefault(EdgeAnnotations.ClaimFolders) is not { } text)
        {
            return null;
        }

        try
        {
            using var folders = JsonDocument.Parse(text);
            return folders.RootElement.TryGetProperty(claim, out var folder)
                ? new HostPathVolumeSource
                {
                    Path = folder.GetProperty("path").GetString() ?? "",
                    Type = folder.TryGetProperty("type", out var type) ? type.GetString() : null,
                }
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new MissingReferenceException($"the annotation {EdgeAnnotations.ClaimFolders} is no JSON object of folders: {e.Message}");
        }
    }
}
