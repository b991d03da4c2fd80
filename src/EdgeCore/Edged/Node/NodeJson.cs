using System.Text.Json.Serialization;

namespace EdgeSync.EdgeCore.Edged.Node;

/// <summary>Source-generated JSON for the amounts of a node's status.</summary>
[JsonSerializable(typeof(string))]
internal sealed partial class NodeJson : JsonSerializerContext;
