namespace EdgeSync.Protocol.Devices;

/// <summary>
/// Sizes that a twin may have. KubeEdge allows values of 1 to 512 characters out of ASCII letters, digits and
/// <c>- _ . , : / @ #</c>; here a value is any text without control characters (tabs and line ends are fine), so
/// that <c>21.5 °C</c> or a JSON document can be one.
/// </summary>
public static class TwinLimits
{
    /// <summary>Characters of a property name (KubeEdge's limit).</summary>
    public const int MaxNameLength = 128;

    /// <summary>UTF-8 bytes of a value.</summary>
    public const int MaxValueBytes = 4096;

    /// <summary>Properties of one device.</summary>
    public const int MaxProperties = 1024;

    /// <summary>Bytes of one device message.</summary>
    public const int MaxPayloadBytes = 256 * 1024;

    /// <summary>No version from outside may come near the end of the range: 2^53 is exact in every JSON reader.</summary>
    public const long MaxVersion = 1L << 53;
}
