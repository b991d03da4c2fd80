using System.Text;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// Kubernetes' <c>$(NAME)</c> in env values, commands and arguments: replaced where the name is known, left as it is
/// where not; <c>$$</c> stands for one dollar sign, so <c>$$(NAME)</c> is never replaced.
/// </summary>
internal static class EnvExpansion
{
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        if (!text.Contains('$', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '$' || at + 1 == text.Length)
            {
                result.Append(text[at]);
                continue;
            }

            at += AppendReference(result, text, at, variables) - 1;
        }

        return result.ToString();
    }

    /// <returns>How many characters were read; <paramref name="at"/> is at a dollar sign that is not the last character.</returns>
    private static int AppendReference(
        StringBuilder result, string text, int at, IReadOnlyDictionary<string, string> variables)
    {
        switch (text[at + 1])
        {
            case '$':
                result.Append('$');
                return 2;
            case '(' when text.IndexOf(')', at + 2) is > 0 and var end:
                var name = text[(at + 2)..end];
                result.Append(variables.TryGetValue(name, out var value) ? value : text[at..(end + 1)]);
                return end + 1 - at;
            default:
                result.Append(text, at, 2);
                return 2;
        }
    }
}
