using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Who asks.</summary>
/// <param name="Name">For example <c>system:serviceaccount:default:web</c>.</param>
/// <param name="Groups">All of them, <see cref="Authenticated"/> among them where it is somebody.</param>
internal sealed record UserInfo(string Name, IReadOnlyList<string> Groups)
{
    public const string Masters = "system:masters";
    public const string Nodes = "system:nodes";
    public const string Authenticated = "system:authenticated";
    public const string Unauthenticated = "system:unauthenticated";
    public const string AnonymousName = "system:anonymous";
    public const string ServiceAccountPrefix = "system:serviceaccount:";
    public const string ServiceAccounts = "system:serviceaccounts";

    private const string NodePrefix = "system:node:";
    private const string CommonName = "2.5.4.3";
    private const string Organization = "2.5.4.10";

    private static readonly Dictionary<string, IReadOnlyList<string>> s_nothing = [];

    public static readonly UserInfo Anonymous = new(AnonymousName, [Unauthenticated]);

    /// <summary>Tells a user from a later one of the same name; empty where there is none.</summary>
    public string Uid { get; init; } = "";

    /// <summary>What else the authenticator says of the user.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = s_nothing;

    /// <summary>Whether nothing was shown; whoever acts as <see cref="AnonymousName"/> has shown who he is.</summary>
    public bool IsAnonymous => ReferenceEquals(this, Anonymous);

    /// <summary>The node that this user is by its name and group; null for anybody else.</summary>
    public string? NodeName => Name.StartsWith(NodePrefix, StringComparison.Ordinal) && Name.Length > NodePrefix.Length && IsIn(Nodes)
        ? Name[NodePrefix.Length..]
        : null;

    public bool IsIn(string group) => Groups.Contains(group);

    /// <summary>The user that a service account is.</summary>
    public static string NameOf(string ns, string account) => $"{ServiceAccountPrefix}{ns}:{account}";

    /// <summary>Namespace and name of the service account that a user name stands for.</summary>
    public static (string Namespace, string Name)? ServiceAccountOf(string user)
    {
        if (!user.StartsWith(ServiceAccountPrefix, StringComparison.Ordinal))
        {
            return null;
        }

        return user[ServiceAccountPrefix.Length..].Split(':') is [{ Length: > 0 } ns, { Length: > 0 } name] ? (ns, name) : null;
    }

    /// <summary>The groups of a service account, without those of everybody.</summary>
    public static IReadOnlyList<string> ServiceAccountGroups(string ns) => [ServiceAccounts, $"{ServiceAccounts}:{ns}"];

    /// <summary>
    /// The common name is the user, the organizations are its groups, as Kubernetes reads client certificates. Null where the
    /// subject is not plain: of several names two readers could each pick another.
    /// </summary>
    public static UserInfo? FromCertificate(X509Certificate2 certificate)
    {
        string? name = null;
        var groups = new List<string>();
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements)
            {
                return null;
            }

            switch (part.GetSingleElementType().Value)
            {
                case CommonName when name is null:
                    name = part.GetSingleElementValue() ?? "";
                    break;
                case CommonName:
                    return null;
                case Organization:
                    groups.Add(part.GetSingleElementValue() ?? "");
                    break;
            }
        }

        if (name is null or "")
        {
            return null;
        }

        groups.Add(Authenticated);
        return new UserInfo(name, groups);
    }
}
