using System.Globalization;
using System.Text.RegularExpressions;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>
/// Kubernetes' order of version names: general availability before beta before alpha, each with the higher numbers first, then all
/// other names by the alphabet (v10, v2, v1, v11beta2, v10beta3, v3beta1, v12alpha1, foo1, foo10).
/// </summary>
internal sealed partial class KubeVersionOrder : IComparer<string>
{
    public static readonly KubeVersionOrder BestFirst = new();

    private KubeVersionOrder()
    {
    }

    public int Compare(string? x, string? y)
    {
        var left = Parse(x ?? "");
        var right = Parse(y ?? "");
        if (left is null || right is null)
        {
            return left is null && right is null ? string.CompareOrdinal(x, y) : left is null ? 1 : -1;
        }

        // the tuple grows with the version's worth
        return right.Value.CompareTo(left.Value);
    }

    private static (int Stability, int Major, int Minor)? Parse(string version)
    {
        var match = Pattern().Match(version);
        if (!match.Success
            || !int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var major))
        {
            return null;
        }

        var stability = match.Groups[2].Value switch
        {
            "" => 2,
            "beta" => 1,
            _ => 0,
        };
        return (stability, major, int.TryParse(match.Groups[3].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var minor) ? minor : 0);
    }

    [GeneratedRegex("^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
