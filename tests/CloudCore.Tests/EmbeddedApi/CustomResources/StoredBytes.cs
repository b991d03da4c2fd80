using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>Changes what lies in a database behind the server's back.</summary>
internal static class StoredBytes
{
    /// <summary>Replaces a text in the stored definitions.</summary>
    public static void Replace(string folder, string old, string next)
    {
        var database = StoreDatabase.Open(folder, TimeProvider.System);
        database.WriteAsync(
            session => session.Execute(
                "UPDATE object SET value = CAST(replace(CAST(value AS TEXT), $1, $2) AS BLOB) WHERE resource = $3",
                old, next, ObjectStore.DefinitionResource),
            CancellationToken.None).GetAwaiter().GetResult();
        database.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Writes into a definition what an older program would have: the hash of its spec as it is, and version 0.</summary>
    public static void ReplaceHash(string folder, string name)
    {
        var database = StoreDatabase.Open(folder, TimeProvider.System);
        var definition = (JsonObject)JsonNode.Parse(database.Read(session => session.Query(
            "SELECT value FROM object WHERE name = $1", row => row.GetFieldValue<byte[]>(0), name)).Single())!;
        var annotations = definition["metadata"]!["annotations"]!;
        annotations["edgesync.io/definition-version"] = "0";
        annotations["edgesync.io/definition-hash"] = ShippedDefinitions.Hash(definition);
        var bytes = System.Text.Encoding.UTF8.GetBytes(definition.ToJsonString());
        database.WriteAsync(
            session => session.Execute("UPDATE object SET value = $1 WHERE name = $2", bytes, name), CancellationToken.None).GetAwaiter().GetResult();
        database.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
