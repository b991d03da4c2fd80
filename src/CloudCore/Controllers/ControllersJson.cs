using System.Text.Json.Serialization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Source-generated JSON of the controllers' own views; as <see cref="KubernetesJson"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 128)]
[JsonSerializable(typeof(PodGist))]
[JsonSerializable(typeof(NodeGist))]
internal sealed partial class ControllersJson : JsonSerializerContext;
