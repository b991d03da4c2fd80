using System.Text;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>Makes the files of configMap, secret, downwardAPI and projected volumes from the objects on this node.</summary>
internal sealed class VolumeContents(MetaManager.MetaManager objects, PodTokens tokens)
{
    /// <summary>The files of a volume, by path; null where the volume is of another kind.</summary>
    /// <exception cref="MissingReferenceException">An object or a key that is not optional is not there.</exception>
    public IReadOnlyDictionary<string, VolumeFile>? Files(WantedPod pod, Volume volume, DownwardFields fields)
    {
        var files = new Dictionary<string, VolumeFile>(StringComparer.Ordinal);
        switch (volume)
        {
            case { ConfigMap: { } map }:
                AddConfigMap(files, pod.Namespace, map.Name ?? "", map.Items, map.Optional, map.DefaultMode);
                return files;
            case { Secret: { } secret }:
                AddSecret(files, pod.Namespace, secret.SecretName ?? "", secret.Items, secret.Optional, secret.DefaultMode);
                return files;
            case { DownwardAPI: { } downward }:
                AddDownward(files, pod, downward, downward.DefaultMode, fields);
                return files;
            case { Projected: { } projected }:
                foreach (var source in projected.Sources)
                {
                    AddProjection(files, pod, source, projected.DefaultMode, fields);
                }

                return files;
            default:
                return null;
        }
    }

    private void AddProjection(
        Dictionary<string, VolumeFile> files, WantedPod pod, VolumeProjection source, int? defaultMode, DownwardFields fields)
    {
        switch (source)
        {
            case { ConfigMap: { } map }:
                AddConfigMap(files, pod.Namespace, map.Name, map.Items, map.Optional, defaultMode);
                break;
            case { Secret: { } secret }:
                AddSecret(files, pod.Namespace, secret.Name, secret.Items, secret.Optional, defaultMode);
                break;
            case { DownwardAPI: { } downward }:
                AddDownward(files, pod, downward, defaultMode, fields);
                break;
            case { ServiceAccountToken: { } token }:
                AddToken(files, pod, token, defaultMode);
                break;
            default:
                throw new MissingReferenceException("a source of the projected volume is of a kind that is not supported on edge nodes");
        }
    }

    /// <summary>
    /// As the kubelet: readable for all by default, since a container may run as any user; where the pod says as whom it runs, or with
    /// which group, for those alone.
    /// </summary>
    private void AddToken(Dictionary<string, VolumeFile> files, WantedPod pod, ServiceAccountTokenProjection projection, int? defaultMode)
    {
        if (tokens.Find(pod, projection) is not { } token)
        {
            return;
        }

        var owner = UserOfAll(pod.Spec);
        var isNarrow = owner is not null || pod.Spec.SecurityContext?.FsGroup is not null;
        files[Checked(projection.Path)] = new VolumeFile(
            Encoding.ASCII.GetBytes(token),
            isNarrow ? UnixFileMode.UserRead | UnixFileMode.UserWrite : VolumeModes.File(null, defaultMode),
            owner);
    }

    /// <summary>The one user that all containers run as, where the pod says so.</summary>
    private static uint? UserOfAll(PodSpec spec)
    {
        var users = spec.InitContainers.Concat(spec.Containers)
            .Select(c => c.SecurityContext?.RunAsUser ?? spec.SecurityContext?.RunAsUser).Distinct().ToList();
        return users is [{ } only] ? (uint)only : null;
    }

    private void AddConfigMap(
        Dictionary<string, VolumeFile> files, string ns, string name, IReadOnlyList<KeyToPath>? items, bool? optional, int? defaultMode)
    {
        if (objects.Get(new ObjectKey(ns, ResourceTypes.ConfigMap, name)) is not { } found)
        {
            RequireOptional(optional, $"configmap \"{name}\" not found");
            return;
        }

        var map = found.View(KubernetesJson.Default.ConfigMap);
        var values = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (key, text) in map.Data ?? new Dictionary<string, string>())
        {
            values[key] = Encoding.UTF8.GetBytes(text);
        }

        foreach (var (key, text) in map.BinaryData ?? new Dictionary<string, string>())
        {
            values[key] = Base64.Read(found, key, text);
        }

        AddItems(files, found, values, items, optional, defaultMode);
    }

    private void AddSecret(
        Dictionary<string, VolumeFile> files, string ns, string name, IReadOnlyList<KeyToPath>? items, bool? optional, int? defaultMode)
    {
        if (objects.Get(new ObjectKey(ns, ResourceTypes.Secret, name)) is not { } found)
        {
            RequireOptional(optional, $"secret \"{name}\" not found");
            return;
        }

        var data = found.View(KubernetesJson.Default.Secret).Data ?? new Dictionary<string, string>();
        AddItems(files, found, data.ToDictionary(d => d.Key, d => Base64.Read(found, d.Key, d.Value)), items, optional, defaultMode);
    }

    private static void AddItems(
        Dictionary<string, VolumeFile> files, KubeObject from, Dictionary<string, byte[]> values,
        IReadOnlyList<KeyToPath>? items, bool? optional, int? defaultMode)
    {
        if (items is null)
        {
            foreach (var (key, value) in values)
            {
                files[Checked(key)] = new VolumeFile(value, VolumeModes.File(null, defaultMode));
            }

            return;
        }

        foreach (var item in items)
        {
            if (values.TryGetValue(item.Key, out var value))
            {
                files[Checked(item.Path)] = new VolumeFile(value, VolumeModes.File(item.Mode, defaultMode));
            }
            else
            {
                RequireOptional(optional, $"{from.Describe()} has no key {item.Key}");
            }
        }
    }

    private static void AddDownward(
        Dictionary<string, VolumeFile> files, WantedPod pod, DownwardApiVolumeSource source, int? defaultMode, DownwardFields fields)
    {
        foreach (var item in source.Items)
        {
            var value = item switch
            {
                { FieldRef: { } field } => fields.Field(field.FieldPath),
                { ResourceFieldRef: { } resource } when pod.Spec.Containers.FirstOrDefault(c => c.Name == resource.ContainerName) is { } of =>
                    DownwardFields.Resource(of, resource),
                _ => null,
            };
            files[Checked(item.Path)] = new VolumeFile(
                Encoding.UTF8.GetBytes(value ?? throw new MissingReferenceException($"downwardAPI: nothing is known for the file {item.Path}")),
                VolumeModes.File(item.Mode, defaultMode ?? source.DefaultMode));
        }
    }

    private static void RequireOptional(bool? optional, string problem)
    {
        if (optional != true)
        {
            throw new MissingReferenceException(problem);
        }
    }

    /// <summary>Paths come from objects: none may lead out of the volume or into what keeps it atomic.</summary>
    private static string Checked(string path) =>
        path.Length > 0 && !Path.IsPathRooted(path) && !path.StartsWith("..", StringComparison.Ordinal) && !path.Split('/').Contains("..")
            ? path
            : throw new MissingReferenceException($"the file path \"{path}\" must be relative and must not begin with or contain \"..\"");
}
