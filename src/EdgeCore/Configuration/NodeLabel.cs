using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.EdgeCore.Configuration;

/// <summary>Kubernetes' syntax of labels: <c>[PREFIX/]NAME=VALUE</c>.</summary>
internal static class NodeLabel
{
    private const int MaxName = 63;

    /// <summary>What is wrong, as a clause; null when nothing is.</summary>
    public static string? Problem(string key, string value)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0 && NodeName.Problem(key[..slash]) is { } problem)
        {
            return $"has a prefix that {problem}";
        }

        return !IsName(key[(slash + 1)..]) ? $"has a key that is not 1 to {MaxName} letters, digits, '-', '_' and '.', with a letter or digit at both ends"
            : value.Length > 0 && !IsName(value) ? $"has a value that is not up to {MaxName} letters, digits, '-', '_' and '.', with a letter or digit at both ends"
            : null;
    }

    private static bool IsName(string text) =>
        text.Length is > 0 and <= MaxName
        && char.IsAsciiLetterOrDigit(text[0])
        && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
