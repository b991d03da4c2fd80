using System.Globalization;
using System.Text;

namespace EdgeSync.Protocol.Devices;

/// <summary>The types of twin properties, and what names and values may look like (KubeEdge's dtcommon rules).</summary>
public static class TwinTypes
{
    public const string Text = "string";
    public const string WholeNumber = "int";
    public const string Number = "float";
    public const string Truth = "boolean";

    /// <summary>The mark of a property that was deleted; it has no values, but keeps its versions.</summary>
    public const string Deleted = "deleted";

    private const string NameMarks = "-_.,:/@#";

    /// <summary>
    /// The type that a message or a DeviceModel names, or null where it names none that exists. Upper case, KubeEdge's
    /// second names and the model's DOUBLE, BYTES and STREAM (which KubeEdge's twins refuse) are understood.
    /// </summary>
    public static string? Parse(string? type) => type?.ToLowerInvariant() switch
    {
        "string" or "bytes" or "stream" => Text,
        "int" or "integer" => WholeNumber,
        "float" or "double" => Number,
        "boolean" or "bool" => Truth,
        "deleted" => Deleted,
        _ => null,
    };

    /// <summary>What is wrong with a property's name; null where nothing is.</summary>
    public static string? CheckName(string name)
    {
        var fits = name.Length is > 0 and <= TwinLimits.MaxNameLength;
        foreach (var c in name)
        {
            fits &= char.IsAsciiLetterOrDigit(c) || NameMarks.Contains(c, StringComparison.Ordinal);
        }

        return fits ? null : $"property \"{Shorten(name)}\": a name has 1 to {TwinLimits.MaxNameLength} ASCII letters, digits or {NameMarks}; rename the property";
    }

    /// <summary>What is wrong with a value of that type; null where nothing is.</summary>
    public static string? CheckValue(string name, string type, string value)
    {
        if (value.Length == 0)
        {
            return $"property \"{name}\": the value is empty; send at least one character, or null for the property to delete it";
        }

        if (value.Length > TwinLimits.MaxValueBytes || Encoding.UTF8.GetByteCount(value) > TwinLimits.MaxValueBytes)
        {
            return $"property \"{name}\": the value is longer than {TwinLimits.MaxValueBytes} bytes; send bulk data on a $hw/events/upload/ topic";
        }

        foreach (var c in value)
        {
            if (char.IsControl(c) && c is not ('\t' or '\n' or '\r'))
            {
                return $"property \"{name}\": the value has the control character U+{(int)c:X4}; encode binary data, for example as base64";
            }
        }

        return IsOfType(type, value)
            ? null
            : $"property \"{name}\": the value \"{Shorten(value)}\" is not of type {type}{Hint(type)}";
    }

    private static bool IsOfType(string type, string value) => type switch
    {
        WholeNumber => long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
        Number => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _),
        Truth => value is "true" or "false",
        _ => true,
    };

    private static string Hint(string type) => type switch
    {
        WholeNumber => "; send a whole number of at most 64 bits, such as 42",
        Number => "; send a number with a point, such as 21.5",
        _ => "; send true or false",
    };

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
