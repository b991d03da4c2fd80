using System.Text.Json.Serialization;

namespace EdgeSync.Protocol.Devices;

/// <summary>
/// Source-generated JSON for device messages. Reading is tolerant (names in any case, as Go reads them; numbers in
/// quotes; unknown members skipped), writing is exact: snake_case names, empty members left out. Used through
/// <see cref="DeviceCodec"/>.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    PropertyNameCaseInsensitive = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    MaxDepth = 16)]
[JsonSerializable(typeof(TwinMessage))]
[JsonSerializable(typeof(TwinDelta))]
[JsonSerializable(typeof(TwinChanges))]
[JsonSerializable(typeof(Result))]
[JsonSerializable(typeof(StateUpdate))]
[JsonSerializable(typeof(StateReport))]
[JsonSerializable(typeof(EmptyRequest))]
[JsonSerializable(typeof(MembershipList))]
[JsonSerializable(typeof(MembershipUpdate))]
public sealed partial class DevicesJson : JsonSerializerContext;
