using System.Text;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>A container's environment, in the order of the spec, or what it still lacks.</summary>
/// <param name="Variables">Name to value.</param>
/// <param name="Problem">In words; null where nothing is missing.</param>
internal sealed record ResolvedEnv(IReadOnlyDictionary<string, string> Variables, string? Problem);

/// <summary>Works out a container's environment: <c>envFrom</c> first, then <c>env</c>, later entries over earlier ones.</summary>
internal sealed class EnvResolver(MetaManager.MetaManager objects)
{
    public ResolvedEnv Resolve(WantedPod pod, Container container, DownwardFields fields)
    {
        var variables = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        try
        {
            foreach (var source in container.EnvFrom)
            {
                AddAll(variables, pod, source);
            }

            foreach (var variable in container.Env)
            {
                if (Value(variable, pod, container, fields, variables) is { } value)
                {
                    variables[variable.Name] = value;
                }
            }

            return new ResolvedEnv(variables, null);
        }
        catch (MissingReferenceException e)
        {
            return new ResolvedEnv(variables, e.Message);
        }
    }

    private void AddAll(OrderedDictionary<string, string> variables, WantedPod pod, EnvFromSource source)
    {
        var found = source switch
        {
            { ConfigMapRef: { } map } => ConfigMapValues(pod.Namespace, map.Name, map.Optional),
            { SecretRef: { } secret } => SecretValues(pod.Namespace, secret.Name, secret.Optional),
            _ => null,
        };
        foreach (var (key, value) in found ?? new Dictionary<string, string>())
        {
            variables[source.Prefix + key] = value;
        }
    }

    /// <returns>Null leaves the variable out.</returns>
    private string? Value(
        EnvVar variable, WantedPod pod, Container container, DownwardFields fields, OrderedDictionary<string, string> known)
    {
        switch (variable.ValueFrom)
        {
            case null:
                return EnvExpansion.Expand(variable.Value ?? "", known);
            case { ConfigMapKeyRef: { } key }:
                return Pick(ConfigMapValues(pod.Namespace, key.Name, key.Optional), "ConfigMap", key);
            case { SecretKeyRef: { } key }:
                return Pick(SecretValues(pod.Namespace, key.Name, key.Optional), "Secret", key);
            case { FieldRef: { } field }:
                return fields.Field(field.FieldPath)
                    ?? throw new MissingReferenceException($"env {variable.Name}: there is no field {field.FieldPath}");
            case { ResourceFieldRef: { } resource }:
                var of = pod.Spec.Containers.Concat(pod.Spec.InitContainers).FirstOrDefault(c => c.Name == resource.ContainerName);
                return DownwardFields.Resource(of ?? container, resource)
                    ?? throw new MissingReferenceException($"env {variable.Name}: there is no resource {resource.Resource}");
            default:
                throw new MissingReferenceException($"env {variable.Name}: this source of a value is not supported");
        }
    }

    private static string? Pick(Dictionary<string, string>? values, string kind, KeySelector key) =>
        values is not null && values.TryGetValue(key.Key, out var value)
            ? value
            : key.Optional == true
                ? null
                : throw new MissingReferenceException($"couldn't find key {key.Key} in {kind} {key.Name}");

    private Dictionary<string, string>? ConfigMapValues(string ns, string name, bool? optional)
    {
        if (objects.Get(new ObjectKey(ns, ResourceTypes.ConfigMap, name)) is { } found)
        {
            return found.View(KubernetesJson.Default.ConfigMap).Data?.ToDictionary() ?? [];
        }

        return optional == true ? null : throw new MissingReferenceException($"configmap \"{name}\" not found");
    }

    private Dictionary<string, string>? SecretValues(string ns, string name, bool? optional)
    {
        if (objects.Get(new ObjectKey(ns, ResourceTypes.Secret, name)) is { } found)
        {
            var data = found.View(KubernetesJson.Default.Secret).Data ?? new Dictionary<string, string>();
            return data.ToDictionary(d => d.Key, d => Encoding.UTF8.GetString(Base64.Read(found, d.Key, d.Value)));
        }

        return optional == true ? null : throw new MissingReferenceException($"secret \"{name}\" not found");
    }
}

/// <summary>Leaves the depth of a resolution with the one message that says what is missing.</summary>
internal sealed class MissingReferenceException(string message) : Exception(message);

/// <summary>Base64 values of Secrets and <c>binaryData</c>.</summary>
internal static class Base64
{
    /// <exception cref="MissingReferenceException">Not base64.</exception>
    public static byte[] Read(KubeObject of, string key, string text)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw new MissingReferenceException($"{of.Describe()}: the value of {key} is not base64");
        }
    }
}
