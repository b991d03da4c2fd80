using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>
/// A JSON number as Kubernetes decodes it: an int64 where it is written as one, otherwise a double. Nodes hold numbers in
/// several CLR types, by where they came from.
/// </summary>
/// <param name="IsInteger">Written as a whole number within int64.</param>
/// <param name="Integer">That number.</param>
/// <param name="Real">The value as a double.</param>
internal readonly record struct JsonNumber(bool IsInteger, long Integer, double Real)
{
    /// <summary>Whether the value is whole, however it is written.</summary>
    public bool IsWhole => IsInteger || (Math.Floor(Real) == Real && Math.Abs(Real) < 1L << 62);

    public long AsLong => IsInteger ? Integer : (long)Real;

    public static bool TryRead(JsonValue value, out JsonNumber number)
    {
        number = default;
        if (value.GetValueKind() != JsonValueKind.Number)
        {
            return false;
        }

        if (value.TryGetValue<long>(out var whole))
        {
            number = new JsonNumber(true, whole, whole);
            return true;
        }

        if (value.TryGetValue<int>(out var small))
        {
            number = new JsonNumber(true, small, small);
            return true;
        }

        if (!value.TryGetValue<double>(out var real))
        {
            // decimals and the like, in their own writing
            var text = value.ToJsonString();
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole))
            {
                number = new JsonNumber(true, whole, whole);
                return true;
            }

            real = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        number = new JsonNumber(false, 0, real);
        return true;
    }

    /// <summary>As Go prints it.</summary>
    public override string ToString() => IsInteger
        ? Integer.ToString(CultureInfo.InvariantCulture)
        : Real.ToString("R", CultureInfo.InvariantCulture);
}
