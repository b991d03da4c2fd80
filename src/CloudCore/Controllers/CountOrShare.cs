using System.Globalization;
using System.Text.Json;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Kubernetes' IntOrString: a count, or a percentage of a whole.</summary>
internal static class CountOrShare
{
    /// <param name="value">A JSON number, or a text such as <c>25%</c>.</param>
    /// <param name="fallback">Where it is neither.</param>
    /// <param name="whole">What a percentage is of.</param>
    /// <param name="roundUp">Whether a part counts as one.</param>
    public static int Of(JsonElement? value, int fallback, int whole, bool roundUp)
    {
        if (value is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var count))
        {
            return count;
        }

        if (value is { ValueKind: JsonValueKind.String } text
            && text.GetString() is { } percent && percent.EndsWith('%')
            && int.TryParse(percent.AsSpan(0, percent.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var share))
        {
            // whole numbers: 1e-9 of a pod is none
            var product = (long)share * whole;
            return (int)(roundUp ? (product + 99) / 100 : product / 100);
        }

        return fallback;
    }
}
