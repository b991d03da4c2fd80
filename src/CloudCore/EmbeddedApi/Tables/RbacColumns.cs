namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of roles and bindings.</summary>
internal static class RbacColumns
{
    public static readonly IReadOnlyList<TableColumn> Roles =
        [CommonColumns.Name, new("Created At", "date", row => row.Root.At("metadata", "creationTimestamp").Text())];

    public static readonly IReadOnlyList<TableColumn> Bindings =
    [
        CommonColumns.Name,
        new("Role", "string", row => $"{row.Root.At("roleRef", "kind").Text()}/{row.Root.At("roleRef", "name").Text()}"),
        CommonColumns.Age,
        new("Users", "string", row => Subjects(row, "User"), Wide: true),
        new("Groups", "string", row => Subjects(row, "Group"), Wide: true),
        new("ServiceAccounts", "string", row => Subjects(row, "ServiceAccount"), Wide: true),
    ];

    private static string Subjects(TableRow row, string kind) => string.Join(", ", row.Root.At("subjects").Items()
        .Where(s => s.At("kind").Text() == kind)
        .Select(s => kind == "ServiceAccount" ? $"{s.At("namespace").Text()}/{s.At("name").Text()}" : s.At("name").Text()));
}
