using System.Text.RegularExpressions;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The forms that names and labels may have; each rule returns what is wrong, in Kubernetes' words, or null.</summary>
internal static partial class NameRules
{
    private const int LongestLabel = 63;
    private const int LongestSubdomain = 253;
    private const int LongestPortName = 15;

    public static string? Label(string name) => name.Length > LongestLabel
        ? $"must be no more than {LongestLabel} characters"
        : LabelPattern().IsMatch(name)
            ? null
            : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    public static string? Subdomain(string name) => name.Length > LongestSubdomain
        ? $"must be no more than {LongestSubdomain} characters"
        : SubdomainPattern().IsMatch(name)
            ? null
            : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    /// <summary>A label that also begins with a letter: the name of a service.</summary>
    public static string? ServiceLabel(string name) => name.Length > LongestLabel
        ? $"must be no more than {LongestLabel} characters"
        : ServiceLabelPattern().IsMatch(name)
            ? null
            : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    /// <summary>A host with a <c>*.</c> before it.</summary>
    public static string? WildcardSubdomain(string name) => name.Length > LongestSubdomain
        ? $"must be no more than {LongestSubdomain} characters"
        : name.StartsWith("*.", StringComparison.Ordinal) && SubdomainPattern().IsMatch(name.AsSpan(2))
            ? null
            : "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    /// <summary>The name of a port: everything that is wrong with it.</summary>
    public static IEnumerable<string> PortName(string name)
    {
        if (name.Length > LongestPortName)
        {
            yield return $"must be no more than {LongestPortName} characters";
        }

        if (name.Any(c => c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')))
        {
            yield return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        }

        if (!name.Any(c => c is >= 'a' and <= 'z'))
        {
            yield return "must contain at least one letter (a-z)";
        }

        if (name.Contains("--", StringComparison.Ordinal))
        {
            yield return "must not contain consecutive hyphens";
        }

        if (name.Length > 0 && (name[0] == '-' || name[^1] == '-'))
        {
            yield return "must not begin or end with a hyphen";
        }
    }

    public static string? PathSegment(string name) => name is "." or ".."
        ? $"may not be '{name}'"
        : name.AsSpan().IndexOfAny('/', '%') is >= 0 and var at ? $"may not contain '{name[at]}'" : null;

    /// <summary>A label key: an optional prefix (a subdomain) and a slash, then a name.</summary>
    public static string? QualifiedName(string key) => QualifiedNameProblems(key).FirstOrDefault();

    /// <summary>Everything that is wrong with a label key.</summary>
    public static IEnumerable<string> QualifiedNameProblems(string key)
    {
        const string form = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0 && key.IndexOf('/', slash + 1) >= 0)
        {
            yield return $"a qualified name {form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            yield break;
        }

        if (slash == 0)
        {
            yield return "prefix part must be non-empty";
        }
        else if (slash > 0 && Subdomain(key[..slash]) is { } wrong)
        {
            yield return "prefix part " + wrong;
        }

        var name = key[(slash + 1)..];
        if (name.Length == 0)
        {
            yield return "name part must be non-empty";
        }
        else if (name.Length > LongestLabel)
        {
            yield return $"name part must be no more than {LongestLabel} characters";
        }

        if (!QualifiedPattern().IsMatch(name))
        {
            yield return $"name part {form}";
        }
    }

    public static string? LabelValue(string value) => value.Length > LongestLabel
        ? $"must be no more than {LongestLabel} characters"
        : value.Length == 0 || QualifiedPattern().IsMatch(value)
            ? null
            : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    /// <summary>A key of a ConfigMap or Secret.</summary>
    public static string? ConfigKey(string key) => key.Length > LongestSubdomain
        ? $"must be no more than {LongestSubdomain} characters"
        : key is "." or ".." || key.StartsWith("..", StringComparison.Ordinal)
            ? $"must not be '{(key is "." ? "." : "..")}'"
            : ConfigKeyPattern().IsMatch(key)
                ? null
                : "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

    /// <summary>An environment variable's name: any printable ASCII but <c>=</c>.</summary>
    public static string? EnvironmentName(string name) => name.Length > 0 && name.All(c => c is >= ' ' and <= '~' and not '=')
        ? null
        : "a valid environment variable name must consist only of printable ASCII characters other than '='";

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex LabelPattern();

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex ServiceLabelPattern();

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex SubdomainPattern();

    [GeneratedRegex("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\\z", RegexOptions.CultureInvariant)]
    private static partial Regex QualifiedPattern();

    [GeneratedRegex("^[-._a-zA-Z0-9]+\\z", RegexOptions.CultureInvariant)]
    private static partial Regex ConfigKeyPattern();
}
