namespace EdgeSync.Protocol.Enrollment;

/// <summary>What a node may be called: a DNS-1123 subdomain, as Kubernetes wants it of every Node object.</summary>
public static class NodeName
{
    public const int MaxLength = 253;

    /// <summary>What is wrong with <paramref name="name"/>, as a clause that follows the name; null when it is fine.</summary>
    public static string? Problem(string name)
    {
        if (name.Length == 0)
        {
            return "is empty";
        }

        if (name.Length > MaxLength)
        {
            return $"is longer than {MaxLength} characters";
        }

        foreach (var label in name.Split('.'))
        {
            if (label.Length == 0 || label[0] == '-' || label[^1] == '-')
            {
                return "must have letters or digits before and after every dot, and at both ends";
            }

            if (label.AsSpan().ContainsAnyExcept(s_labelCharacters))
            {
                return "may hold lower-case letters, digits, '-' and '.' only";
            }
        }

        return null;
    }

    private static readonly System.Buffers.SearchValues<char> s_labelCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
}
