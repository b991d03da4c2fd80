namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Who asks.</summary>
internal sealed record UserInfo(string Name, IReadOnlyList<string> Groups)
{
    public const string Masters = "system:masters";
    public const string Authenticated = "system:authenticated";

    public static readonly UserInfo Anonymous = new("system:anonymous", ["system:unauthenticated"]);

    public bool IsAnonymous => ReferenceEquals(this, Anonymous);

    public bool IsIn(string group) => Groups.Contains(group);

    /// <summary>
    /// The common name is the user, the organizations are its groups, as Kubernetes reads client certificates. The
    /// certificate's chain has been checked when the connection was made.
    /// </summary>
    public static UserInfo FromConnection(HttpContext context)
    {
        if (context.Connection.ClientCertificate is not { } certificate)
        {
            return Anonymous;
        }

        var name = "";
        var groups = new List<string>();
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements)
            {
                continue;
            }

            switch (part.GetSingleElementType().Value)
            {
                case "2.5.4.3":
                    name = part.GetSingleElementValue() ?? "";
                    break;
                case "2.5.4.10":
                    groups.Add(part.GetSingleElementValue() ?? "");
                    break;
            }
        }

        if (name.Length == 0)
        {
            return Anonymous;
        }

        groups.Add(Authenticated);
        return new UserInfo(name, groups);
    }
}
