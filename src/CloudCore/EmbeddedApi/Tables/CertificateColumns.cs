using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of certificate signing requests.</summary>
internal static class CertificateColumns
{
    public static readonly IReadOnlyList<TableColumn> All =
    [
        CommonColumns.Name,
        CommonColumns.Age,
        new("SignerName", "string", row => row.Root.At("spec", "signerName").Text()),
        new("Requestor", "string", row => row.Root.At("spec", "username").Text()),
        new("RequestedDuration", "string", row => Duration(row.Root.At("spec", "expirationSeconds"))),
        new("Condition", "string", row => Condition(row.Root)),
    ];

    private static string Duration(JsonElement seconds) => seconds.ValueKind == JsonValueKind.Number
        ? CommonColumns.HumanDuration(TimeSpan.FromSeconds(seconds.GetInt64()))
        : "<none>";

    private static string Condition(JsonElement root)
    {
        var types = root.At("status", "conditions").Items().Select(c => c.At("type").Text()).ToList();
        var words = new List<string> { types.Contains("Denied") ? "Denied" : types.Contains("Approved") ? "Approved" : "Pending" };
        if (types.Contains("Failed"))
        {
            words.Add("Failed");
        }

        if (root.At("status", "certificate").Text().Length > 0)
        {
            words.Add("Issued");
        }

        return string.Join(",", words);
    }
}
