using System.Text.Json.Serialization;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>
/// Source-generated JSON for the Kubernetes views: camelCase members, nulls left out when writing. The views' members
/// have <c>set</c>, not <c>init</c>: the generator passes init-only members as constructor arguments, where a member
/// that the JSON lacks loses its initial value (an absent list would be null) and extension data is refused.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = false,
    MaxDepth = 128)]
[JsonSerializable(typeof(AnyObject))]
[JsonSerializable(typeof(Status))]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(PodSpec))]
[JsonSerializable(typeof(PodStatus))]
[JsonSerializable(typeof(PodTemplateSpec))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(ConfigMap))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(DaemonSet))]
[JsonSerializable(typeof(Device))]
[JsonSerializable(typeof(DeviceTwinStatus))]
[JsonSerializable(typeof(DeviceModel))]
public sealed partial class KubernetesJson : JsonSerializerContext;
