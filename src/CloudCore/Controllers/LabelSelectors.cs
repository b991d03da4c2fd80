using System.Globalization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Kubernetes' label and node selectors, as functions of labels.</summary>
internal static class LabelSelectors
{
    public static readonly IReadOnlyDictionary<string, string> NoLabels = new Dictionary<string, string>();

    /// <summary>A null selector fits nothing, an empty one everything (metav1.LabelSelector).</summary>
    public static bool Matches(this LabelSelector? selector, IReadOnlyDictionary<string, string> labels) =>
        selector is not null
        && (selector.MatchLabels ?? NoLabels).All(wanted => labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value)
        && (selector.MatchExpressions ?? []).All(requirement => requirement.Matches(labels));

    /// <summary>
    /// One requirement. NotIn also fits where the key is absent, as in Kubernetes; Gt and Lt compare whole numbers;
    /// an operator that is not known fits nothing.
    /// </summary>
    public static bool Matches(this SelectorRequirement requirement, IReadOnlyDictionary<string, string> labels)
    {
        var present = labels.TryGetValue(requirement.Key, out var value);
        var values = requirement.Values ?? [];
        return requirement.Operator switch
        {
            "In" => present && values.Contains(value!),
            "NotIn" => !present || !values.Contains(value!),
            "Exists" => present,
            "DoesNotExist" => !present,
            "Gt" => Compare(value, values) > 0,
            "Lt" => Compare(value, values) < 0,
            _ => false,
        };
    }

    // null (not comparable) is neither greater nor less
    private static int? Compare(string? value, IReadOnlyList<string> values) =>
        values.Count == 1
        && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var have)
        && long.TryParse(values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var wanted)
            ? have.CompareTo(wanted)
            : null;
}
