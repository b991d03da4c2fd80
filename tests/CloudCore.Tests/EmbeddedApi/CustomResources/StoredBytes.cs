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
}
